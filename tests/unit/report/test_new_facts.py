"""What the report says of stalls, spikes, waivers, CPU time, dependencies and the machine."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution, StageShare
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import MetricVerdict, Outcome, SpikeVerdict
from socklat_gate.report.arm_runs import shown_runs
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.machine import machine_numbers
from socklat_gate.report.pair_table import interleaving, pair_table
from socklat_gate.report.rare_spikes import rare_spikes, spike_evidence
from socklat_gate.report.raw_numbers import correction_of, correction_text
from socklat_gate.report.report import report_of
from socklat_gate.report.slices import Slice, TimeSpent, attribution_section
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.sentence import Sentence, plain
from socklat_gate.wording.spike_text import power_text
from tests.unit.factories import (
    make_attribution,
    make_cpu_metric,
    make_histogram,
    make_metric,
    make_noise,
    make_pair,
    make_result,
    make_run,
    make_spike_verdict,
    make_waived,
    with_correction,
    with_raw,
    worded,
    worded_reasons,
)
from tests.unit.report.markdown_judge import inline_tokens, tables
from tests.unit.report.rendered import render_markdown

P50 = make_metric("response_p50", Outcome.PASS)


def with_verdict(result: Result, **changes: object) -> Result:
    return replace(result, verdict=replace(result.verdict, **changes))


def corrected(pairs: int = 3, kept: float = 0.8) -> Result:
    measured = tuple(with_correction(make_pair(i, 1.3), kept) for i in range(pairs))
    return replace(make_result(), pairs=measured)


def lasting(pair: Pair, seconds: float) -> Pair:
    return replace(
        pair,
        baseline=replace(pair.baseline, duration_s=seconds),
        candidate=replace(pair.candidate, duration_s=seconds),
    )


# the correction


def test_what_was_not_corrected_is_said_in_one_line() -> None:
    report = render_markdown(make_result())
    assert "Stalls were not recorded, so nothing is corrected: all numbers are raw." in report
    assert "raw change" not in report


def test_the_share_used_and_the_worst_run() -> None:
    pairs = (with_correction(make_pair(0), 0.9), with_correction(make_pair(1), 0.3))
    found = correction_of(shown_runs(replace(make_result(), pairs=pairs)))
    assert found is not None
    assert (found.runs, found.corrected_runs, found.logged) == (4, 4, 8_000)
    assert found.used / found.logged == pytest.approx(0.6, abs=0.01)
    assert found.least_share == pytest.approx(0.3, abs=0.01)
    assert "59.9% of 8\u202f000 logged exchanges" in correction_text(found)
    assert "(worst run 29.8%)" in correction_text(found)
    assert "Each run lasted 8.0 s." in correction_text(found)


def test_pairs_set_aside_do_not_count_for_the_correction() -> None:
    pairs = (with_correction(make_pair(0)), with_correction(make_pair(1, excluded="noisy"), 0.1))
    found = correction_of(shown_runs(replace(make_result(), pairs=pairs)))
    assert found is not None
    assert (found.runs, found.logged) == (2, 4_000)
    nothing = replace(make_result(), pairs=pairs[1:])
    assert correction_of(shown_runs(nothing)) is None
    assert "orrected" not in render_markdown(with_verdict(nothing, metrics=()))


def test_runs_that_were_extended_say_how_long() -> None:
    pairs = tuple(lasting(pair, s) for pair, s in zip(corrected().pairs, (8, 9, 14), strict=True))
    found = correction_of(shown_runs(replace(make_result(), pairs=pairs)))
    assert found is not None
    assert "Runs lasted 8.0 s to 14.0 s (median 9.0 s), extended while" in correction_text(found)
    table = pair_table(pairs, (P50,))
    assert table.machine[0] == "lasted"
    assert [row.machine[0] for row in table.rows] == ["8.0 s", "9.0 s", "14.0 s"]
    assert "lasted" not in pair_table(corrected().pairs, (P50,)).machine


def test_some_runs_without_correction_are_counted() -> None:
    pairs = (with_correction(make_pair(0)), make_pair(1))
    found = correction_of(shown_runs(replace(make_result(), pairs=pairs)))
    assert found is not None
    assert "; 2 runs without correction" in correction_text(found)


@pytest.mark.parametrize(
    ("first", "other", "text"),
    [
        (9.0, 0.0, "Stalls follow the requests of one arm, so nothing is corrected"),
        (-9.0, 5.0, "In 1 pair stalls followed the requests of one arm, so that raw numbers are"),
    ],
)
def test_a_correction_that_the_verdict_did_not_use_is_not_shown(
    first: float, other: float, text: str
) -> None:
    def followed(pair: Pair, log_evidence: float) -> Pair:
        evidence = {"late_tick": (log_evidence,) * 4, "interference": (0.0,) * 4}
        return replace(pair, stall_evidence=evidence)

    pairs = corrected(2).pairs
    shown = (followed(pairs[0], first), followed(pairs[1], other))
    result = replace(make_result(), pairs=shown)
    found = correction_of(shown_runs(result))
    assert found is not None
    assert found.dropped == (2 if first > 0 else 1)
    assert text in correction_text(found)
    assert text in render_markdown(result)


def test_both_numbers_stand_side_by_side() -> None:
    result = corrected()
    metrics = map(with_raw, result.verdict.metrics)
    cpu = make_cpu_metric(Outcome.PASS)
    report = render_markdown(with_verdict(result, metrics=(*metrics, cpu)))
    (table,) = [t for t in tables(report) if t[0][-1] == "raw change"]
    assert [row[0] for row in table[1:]] == ["`response_p50`", "`response_p90`", "`response_p99`"]
    assert table[1][5] == "+0.40%"
    assert table[1][6].startswith("+3")


def test_a_run_shows_both_and_sums_up_what_would_be_judged() -> None:
    result = make_result("run")
    assert result.campaign is not None
    runs = tuple(with_correction(make_pair(i)).baseline for i in range(2))
    result = replace(result, campaign=replace(result.campaign, runs=runs))
    (measured,) = [t for t in tables(render_markdown(result)) if t[0][0] == "stage"]
    assert [row[0] for row in measured[1:3]] == ["`response`", "`response, corrected for stalls`"]
    assert measured[1][1] != measured[2][1]
    p50, p99 = measured[2][2], measured[2][4]
    assert f"response p50 {p50}, p99 {p99} (corrected for stalls)" in plain(headline(result))


# the machine


def test_the_kernels_account_stands_beside_what_the_probe_saw() -> None:
    pairs = (*corrected().pairs, make_pair(3))
    table = pair_table(pairs, ())
    assert table is not None
    assert table.machine == ("steal", "stalled", "interference", "throttled", "CPU busy")
    assert table.rows[0].machine == ("1.20%", "2.00%", "0.40%", "1.50 ms", "40.0%")
    assert table.rows[3].machine == ("1.20%", "n/a", "n/a", "n/a", "40.0%")
    alone = pair_table((make_pair(),), ())
    assert alone is not None
    assert alone.machine == ("steal", "CPU busy")


def test_facts_of_the_machine_have_readable_names() -> None:
    environment = {"steal": "median 0.0%, at most 0.1%", "stalled": "0.3%", "interference": "0.1%"}
    report = render_markdown(replace(make_result(), environment=environment))
    (table,) = [t for t in tables(report) if t[0] == ["fact", "value"]]
    assert [row[0].rpartition(" (")[2] for row in table[1:]] == [
        "steal)",
        "stalled)",
        "interference)",
    ]
    assert "hypervisor" in table[1][0]


def test_noise_in_numbers() -> None:
    noises = [make_noise(0.1), make_noise(0.3), replace(make_noise(0.2), stalled=0.05)]
    found = machine_numbers(noises)
    assert found["steal"] == {"median": 0.2, "max": 0.3}
    assert found["stalled"] == {"median": 0.05, "max": 0.05}
    assert found["interference"] is None
    assert len(shown_runs(corrected()).noises) == 3
    nothing = shown_runs(make_result("gate", Outcome.INVALID))
    assert set(machine_numbers(nothing.noises).values()) == {None}


def test_a_block_is_recognised_by_its_pairs() -> None:
    pairs = [replace(make_pair(i), start=i - i % 2, replica=i % 2) for i in range(6)]
    pairs[4:] = [replace(pair, excluded=worded("stolen")) for pair in pairs[4:]]
    assert interleaving(pairs) == (
        "3 blocks of 2 + 2 containers, each with 1/2 of its arm's load; a block counts as one "
        "observation"
    )
    table = pair_table(pairs, ())
    assert table is not None
    assert table.starts
    assert [row.start for row in table.rows[:3]] == ["0 (1 of 2)", "0 (2 of 2)", "2 (1 of 2)"]
    base = make_result()
    verdict = replace(base.verdict, pairs=2, containers=2)
    result = replace(base, pairs=tuple(pairs), verdict=verdict)
    report = render_markdown(result)
    assert "2 used, 1 excluded" in report
    (shown,) = [t for t in tables(report) if t[0][0] == "pair"]
    assert shown[2][1] == "0 (2 of 2)"
    document = verdict_document(result)
    assert (document["pairs"], document["containers"], document["starts"]) == (2, 2, 3)


def test_the_mode_of_sharing_is_shown_unless_it_is_the_usual_one() -> None:
    pairs = [replace(make_pair(i), start=i // 2) for i in range(4)]
    assert interleaving([make_pair()]) == ""
    assert interleaving(pairs) == (
        "2 starts of the containers, pairs of one start count as one observation"
    )
    assert "one container at a time" in interleaving([replace(make_pair(), interleave="block")])
    assert "slices" in interleaving([replace(make_pair(), interleave="slice")])
    swapped = (replace(pairs[0], swapped_cpusets=True), *pairs[1:])
    report = render_markdown(replace(make_result(), pairs=swapped))
    (table,) = [t for t in tables(report) if t[0][0] == "pair"]
    assert table[0][:3] == ["pair", "start", "started first"]
    assert [row[1] for row in table[1:]] == ["0", "0", "1", "1"]
    assert table[1][2] == "baseline, CPU sets swapped"


# CPU time


def test_cpu_time_is_higher_not_slower() -> None:
    result = with_verdict(make_result(), metrics=(make_cpu_metric(Outcome.REGRESSION, 0.2),))
    assert plain(headline(result)) == (
        "CPU time per request (cpu_per_request) is 20.0% higher (interval 13.0% to 28.0%)"
    )
    assert plain(next_step(result)).startswith("Profile both images")
    assert "`cpu_per_request` is the CPU time that the container uses" in render_markdown(result)


# spikes


def spiky(**changes: object) -> Result:
    spikes = replace(make_spike_verdict(failed=True, candidate=5), **changes)
    metrics = (make_metric("response_p50", Outcome.PASS),)
    return with_verdict(make_result(), metrics=metrics, spikes=spikes)


def test_more_spikes_are_the_headline_when_nothing_else_failed() -> None:
    assert plain(headline(spiky())) == (
        "5 spikes of 50.0 ms or more in 16.0 s (reference: 0 in 16.0 s)"
    )
    assert "slowest exchanges" in plain(next_step(spiky()))
    both = with_verdict(spiky(), metrics=(make_metric("response_p99", Outcome.REGRESSION, 0.3),))
    assert plain(headline(both)).startswith("response_p99 is 30.0% slower")
    assert plain(headline(both)).endswith("; also " + plain(headline(spiky())))


def test_the_stage_of_the_spikes_is_named() -> None:
    assert "most of their time" not in plain(headline(spiky()))
    spikes = replace(make_spike_verdict(failed=True, candidate=9), stage="recv_wait")
    named = with_verdict(spiky(), spikes=spikes)
    assert ", most of their time in recv_wait" in plain(headline(named))
    shown = rare_spikes(named.verdict)
    assert shown is not None
    assert shown.stage == "recv_wait"


def test_the_spikes_section() -> None:
    report = render_markdown(spiky(notes=(worded("no *threshold* in pair 3"),)))
    assert "✘ **More spikes**: 5 spikes of 50.0 ms or more" in report
    assert "MDE: 4 spikes of the candidate, " in report
    assert "Note: no &#42;threshold&#42; in pair 3" in report
    (table,) = [t for t in tables(report) if t[0][1] == "spikes"]
    assert table[1:] == [
        ["baseline", "0", "16.0 s", "0"],
        ["stored campaigns", "1", "2 min 00 s", "30.0/h"],
        ["candidate", "5", "16.0 s", "18.8/min"],
    ]
    assert "No increase shown: 0 spikes" in render_markdown(
        with_verdict(make_result(), spikes=make_spike_verdict())
    )
    assert "Rare spikes" not in render_markdown(make_result())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "single events were compared (over-dispersion p = 0.6)"),
        ({"by_runs": True}, "because runs have several events each"),
        ({"by_runs": True, "dispersion_p": 0.01}, "because events come in bunches"),
        ({"p_value": 0.0}, "(p = <1e-15)"),
    ],
)
def test_how_the_spikes_were_compared(changes: dict[str, object], said: str) -> None:
    found = spike_evidence(spiky(**changes).verdict)
    assert found is not None
    assert said in found.text


def test_the_power_is_stated_whatever_it_is() -> None:
    spikes: SpikeVerdict = make_spike_verdict()
    assert "4 spikes of the candidate" in power_text(spikes)
    assert power_text(replace(spikes, mde_events=None, mde_ratio=math.inf)).startswith(
        "MDE: none, "
    )
    unwatched = replace(spikes, candidate_exposure_s=0.0, baseline_exposure_s=0.0)
    assert "No run was watched" in power_text(unwatched)
    nothing = replace(unwatched, stored_exposure_s=0.0, stored_events=0, rate_ratio=math.nan)
    report = render_markdown(with_verdict(make_result(), spikes=nothing))
    assert "Neither had a spike" in report
    assert not re.search(r"\b(?:nan|inf)\b", report)


# waivers


def waived(link: str) -> Result:
    metric: MetricVerdict = replace(
        make_metric("response_p99", Outcome.PASS, 0.2),
        tolerance=0.4,
        regression_threshold=0.53,
        waived=make_waived(link),
    )
    return with_verdict(make_result("gate", Outcome.PASS), metrics=(P50, metric))


def test_a_waiver_cannot_be_overlooked() -> None:
    result = waived("https://example.org/decisions/17")
    assert plain(headline(result)).endswith("; waived: response_p99 up to +40.0%")
    report = render_markdown(result)
    assert "+40.0% / +53.0% (waived)" in report
    assert (
        "- `response_p99` is waived up to +40.0% until `2026-12-31`: `https://example.org/decisions/17`"
        in report
    )
    spikes = replace(make_spike_verdict(), waived=make_waived())
    assert "- `spikes` is waived" in render_markdown(with_verdict(make_result(), spikes=spikes))


def test_the_link_of_a_waiver_is_no_link() -> None:
    report = render_markdown(waived("https://x.example/`](https://y.example)|<script>"))
    assert not {t.type for t in inline_tokens(report)} & {"link_open", "html_inline"}


# the attribution


def attributed(parts: Sequence[Attribution]) -> TimeSpent:
    result = with_verdict(make_result(), attribution=tuple(parts))
    found = attribution_section(result.verdict)
    assert found is not None
    return found


def slice_views(parts: Sequence[Attribution]) -> Sequence[Slice]:
    return attributed(parts).slices


def depend_sentence(parts: Sequence[Attribution]) -> Sentence:
    return next(iter(attributed(parts).waits), ())


def test_intervals_of_the_attribution() -> None:
    (first, *_) = slice_views(make_attribution())
    assert [row.interval for row in first.rows] == ["unbounded"] * 2
    part = make_attribution()[0]
    bounded = replace(part, shares=(StageShare("app", 1e5, 1.2e5, 1.0, -54.6, 1.2e3),))
    assert slice_views((bounded,))[0].rows[0].interval == "-54.6 ns to +1.20 µs"


def test_shares_of_next_to_nothing_are_not_shown() -> None:
    part = make_attribution(None)[0]
    opposite = (StageShare("recv_wait", 1e5, 9e4, -13.0), StageShare("app", 1e5, 1.11e5, 14.0))
    (found,) = slice_views((replace(part, shares=opposite),))
    assert [row.share for row in found.rows] == ["cancel out"] * 2


def test_time_on_dependency_sockets() -> None:
    depend = StageShare("depend", 2.0e6, 2.5e6, 0.94, 4.8e5, 5.3e5)
    parts = tuple(replace(part, stage="depend", depend=depend) for part in make_attribution())
    result = with_verdict(make_result(), attribution=parts)
    assert ", almost all of it in app, which waits for dependencies (depend)" in plain(
        headline(result)
    )
    assert plain(next_step(result)).startswith("Start with depend: a service that it calls")
    said = "2.00 ms per request, then 2.50 ms: +500 µs (95% interval +480 µs to +530 µs), 94.0% of"
    assert said in plain(depend_sentence(parts))
    assert said in render_markdown(result)
    idle = replace(depend, baseline_ns=0.0, candidate_ns=0.0)
    assert depend_sentence((replace(parts[0], depend=idle),)) == ()
    little = replace(depend, share=-20.0)
    assert "of the change of" not in plain(depend_sentence((replace(parts[0], depend=little),)))


def test_time_on_a_port_inside_the_container() -> None:
    internal = {
        "9000": StageShare("internal", 2.0e6, 2.5e6, 0.94, 4.8e5, 5.3e5),
        "9090": StageShare("internal", 1.0e3, 1.0e3, 0.0, -9.0, 9.0),
        "9100": StageShare("internal", 0.0, 0.0, 0.0, 0.0, 0.0),
    }
    parts = tuple(
        replace(part, stage="internal", port="9000", internal=internal)
        for part in make_attribution()
    )
    result = with_verdict(make_result(), attribution=parts)
    assert ", almost all of it in app, which waits for port 9000 inside the container" in plain(
        headline(result)
    )
    assert plain(next_step(result)).startswith("Start with internal on port 9000: a server inside")
    said, other = map(plain, attributed(parts).waits)
    assert said.startswith("Time on port 9000 inside the container (internal, part of all")
    assert said.endswith("94.0% of the change of app and respond.")
    assert other.startswith("Time on port 9090 inside")
    assert "| `internal, port 9000` |" in render_markdown(result)


def test_stages_on_ports_inside_the_container_have_a_row_each_and_arm() -> None:
    def with_internal(run: Run, scale: float) -> Run:
        ports = {"10080": make_histogram(3, scale), "9000": make_histogram(4, scale)}
        both = Histogram.merged(ports.values())
        return replace(run, internal=ports, histograms={**run.histograms, "internal": both})

    pair = make_pair()
    pair = replace(
        pair,
        baseline=with_internal(pair.baseline, 1.0),
        candidate=with_internal(pair.candidate, 2.0),
    )
    result = replace(make_result(), pairs=(pair,))
    section = report_of(result).stages
    assert section is not None
    rows = {row.name: row.cells for row in section.rows if row.name.startswith("internal")}
    assert list(rows) == ["internal, port 9000", "internal, port 10080"]
    assert all(len(cells) == 6 and cells[0] != cells[3] for cells in rows.values())


# the headline of what cannot be judged


@pytest.mark.parametrize(
    "reason", [Reason.NOT_MEASURED, Reason.TOO_FEW_SAMPLES, Reason.OVERLAPPING_REQUESTS]
)
def test_what_more_pairs_cannot_mend_comes_first(reason: Reason) -> None:
    why = "cpu_per_request cannot be judged: pair 0, baseline: no; pair 1, baseline: no"
    reasons = worded_reasons((reason, why), (Reason.BUDGET_PAIRS, "the budget of pairs is spent"))
    result = with_verdict(
        make_result("gate", Outcome.INCONCLUSIVE), reasons=reasons, pairs_to_decide=None
    )
    assert plain(headline(result)) == "cpu_per_request cannot be judged: pair 0, baseline: no"
    assert "would hardly decide" not in plain(next_step(result))


def test_too_much_noise_is_called_that() -> None:
    reasons = worded_reasons((Reason.TOO_NOISY, "6 measurements had to be excluded"))
    result = with_verdict(make_result("gate", Outcome.INVALID), reasons=reasons)
    assert plain(headline(result)) == (
        "the machine was too noisy: 6 measurements had to be excluded"
    )
    assert "load.max_duration_s" in plain(next_step(result))


def test_the_calibration_is_quoted() -> None:
    report = render_markdown(
        replace(make_result(), calibration=worded("never calibrated on this runner"))
    )
    assert "\n- never calibrated on this runner\n" in report


def test_a_report_says_when_both_arms_were_one_image() -> None:
    result = make_result("gate", Outcome.PASS)
    one = replace(make_run(1), image_id="sha256:beef")
    pairs = tuple(replace(pair, baseline=one, candidate=one) for pair in result.pairs)
    assert not any("one image" in note for note in report_of(result).head.notes)
    (note, *_) = report_of(replace(result, pairs=pairs)).head.notes
    assert note.startswith("both arms are one image (sha256:beef)")
