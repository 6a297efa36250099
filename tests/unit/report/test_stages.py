from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.counters import counters_of
from socklat_gate.report.slowest import SLOWEST, ArmSlowest, slowest_section
from socklat_gate.report.stage_rows import Stages, stages_section
from socklat_gate.scenario import Stage
from tests.unit.factories import STAGES, make_pair, make_result, make_run, make_spike
from tests.unit.hostile_texts import TEXTS
from tests.unit.report.markdown_judge import column_counts, filter_hits
from tests.unit.report.rendered import render_markdown

MS = 1_000_000
RX_STACK = Histogram.of([2_000] * 100)


def arms_of(*arms: list[Run]) -> Arms:
    return list(zip(("baseline", "candidate")[: len(arms)], arms, strict=True))


def view(*arms: list[Run]) -> Stages:
    found = stages_section(arms_of(*arms))
    assert found is not None
    return found


def slowest(*arms: list[Run]) -> tuple[ArmSlowest, ...]:
    found = slowest_section(arms_of(*arms), list(range(len(arms[0]))))
    return found.arms if found else ()


def with_stages(run: Run, **more: Histogram) -> Run:
    return replace(run, histograms={**run.histograms, **more})


def test_every_measured_stage_has_three_quantiles_an_arm_in_the_order_of_their_definition() -> None:
    run = with_stages(make_run(), runq=RX_STACK, rx_stack=RX_STACK)
    found = view([run], [run])
    assert [row.name for row in found.rows] == [*STAGES, "rx_stack", "runq"]
    assert {len(row.cells) for row in found.rows} == {6}
    assert all(cell.endswith(" µs") for cell in found.rows[5].cells)
    assert found.rows[0].cells[0] == found.rows[0].cells[3]


def test_a_stage_is_seen_measured_without_being_seen_or_not_measured() -> None:
    found = view([with_stages(make_run(), depend=Histogram.empty())], [make_run()])
    rows = {row.name for row in found.rows}
    assert rows == {*STAGES}
    assert found.not_seen == ("depend",)
    known = set(get_args(Stage)) - {CLIENT}  # which is not missing where the kernel's are there
    assert rows | {*found.not_seen, *found.not_measured} == known
    assert len(found.not_measured) == len(get_args(Stage)) - len(STAGES) - 2


def test_a_stage_that_only_one_arm_has_is_not_available_in_the_other() -> None:
    found = view([make_run()], [with_stages(make_run(), rx_stack=RX_STACK)])
    assert found.rows[-1].name == "rx_stack"
    assert found.rows[-1].cells[:3] == ("n/a",) * 3
    assert "n/a" not in found.rows[-1].cells[3:]


def test_the_slowest_exchanges_say_when_where_and_who() -> None:
    slow = make_spike(800 * MS, 64_125_000_000)
    slow = replace(slow, stages_ns={"response": 800 * MS, "recv_wait": 720 * MS, "app": 80 * MS})
    run = replace(make_run(), spikes=(make_spike(9 * MS), slow), spike_threshold_ns=8 * MS)
    (spikes,) = slowest([make_run(), run])
    first = spikes.rows[0]
    assert (first.run, first.at) == ("1", "5.125 s")
    assert (first.response, first.stage, first.share) == ("800 ms", "recv_wait", "90.0%")
    assert first.peer == "172.18.0.1:41234"
    assert spikes.summary.startswith("6 slow exchanges, at or above the threshold (8.00 ms to 8.5")


def test_at_most_ten_of_an_arm_are_shown_and_all_are_counted() -> None:
    spikes = tuple(make_spike(n * MS) for n in range(10, 40))
    counters = {**make_run().counters, "spikes": 1_200}
    (shown,) = slowest([replace(make_run(), spikes=spikes, counters=counters)])
    assert [row.response for row in shown.rows] == [f"{n}.0 ms" for n in range(39, 29, -1)]
    assert len(shown.rows) == SLOWEST
    assert shown.summary.endswith("; the slowest 10 of 30 recorded are listed")
    assert shown.summary.startswith("1\u202f200 slow exchanges")


def test_without_a_threshold_there_are_no_spikes_and_without_a_window_no_time() -> None:
    old = replace(make_run(), spikes=(), spike_threshold_ns=0, window_from_ns=0)
    assert slowest([old]) == ()
    (unknown,) = slowest([replace(make_run(), window_from_ns=0)])
    assert {row.at for row in unknown.rows} == {"n/a"}
    calm = replace(make_run(), spikes=(), counters={**make_run().counters, "spikes": 0})
    assert slowest([calm])[0].summary == "0 slow exchanges, at or above the threshold (8.50 ms)"


def test_a_spike_of_nothing_known_is_shown_without_a_stage() -> None:
    bare = replace(make_spike(), stages_ns={}, overlapped=True)
    (spikes,) = slowest([replace(make_run(), spikes=(bare,))])
    row = spikes.rows[0]
    assert (row.response, row.stage, row.share, row.remark) == ("0 ns", "", "", "overlapped")
    both = replace(bare, shared=True)
    (spikes,) = slowest([replace(make_run(), spikes=(both,))])
    assert spikes.rows[0].remark == "in both arms at once, overlapped"


def test_only_counters_that_are_not_zero_are_shown_summed_by_arm() -> None:
    one = replace(make_run(), network={"rtos": 0, "retransmits": 2}, drops={"no_socket": 5})
    two = replace(make_run(), network={"rtos": 0, "retransmits": 1, "listen_drops": 9}, drops={})
    arms = arms_of([one, one], [two, two])
    network, drops = counters_of(arms, "network"), counters_of(arms, "drops")
    assert network is not None
    assert drops is not None
    assert [(row.name, row.numbers) for row in network.rows] == [
        ("listen_drops", ("0", "18")),
        ("retransmits", ("4", "2")),
    ]
    assert [(row.name, row.numbers) for row in drops.rows] == [("no_socket", ("10", "0"))]


def test_a_result_without_runs_shows_nothing() -> None:
    arms = arms_of([], [])
    assert stages_section(arms) is None
    assert slowest_section(arms, []) is None
    assert counters_of(arms, "network") is None
    report = render_markdown(make_result("gate", Outcome.INVALID))
    for title in ("Stages", "Slowest exchanges", "Not measured", "Network", "Packets"):
        assert title not in report


def test_the_report_has_the_sections_and_spikes_name_their_pair() -> None:
    pairs = (make_pair(0, excluded="steal"), make_pair(4))
    report = render_markdown(replace(make_result(), pairs=pairs))
    for title in ("Stages", "Slowest exchanges"):
        assert f"<summary>{title}</summary>" in report
    for arm in ("baseline", "candidate"):
        assert re.search(rf"\n{arm}: \S+ slow exchanges, at or above the threshold", report)
    assert "| stage | baseline p50 | p90 | p99 | candidate p50 | p90 | p99 |" in report
    assert "Not measured: `send_wait`, `deliver`" in report
    assert "| `retransmits` | 2 | 2 |" in report
    assert "listen_overflows" not in report
    assert "| 4 | 1.250 s | 9.00 ms | `app` | 75.0% | `172.18.0.1:41234` |  |" in report
    assert "\n\n\n" not in report
    assert all(rows == {width} for width, rows in column_counts(report))


def test_a_run_without_verdict_names_what_is_not_measured_once() -> None:
    report = render_markdown(make_result("run"))
    assert report.count("Not measured: `send_wait`") == 1
    assert "<summary>Stages</summary>" not in report
    assert "<summary>Slowest exchanges</summary>" in report
    assert "\nservice: " in report
    assert "\n\n\n" not in report


@pytest.mark.parametrize("text", TEXTS)
def test_what_a_stored_file_says_stays_text(text: str) -> None:
    spike = replace(make_spike(), peer=text)
    counts = {f"x{text}": 3}
    run = with_stages(make_run(), **{f"s{text}": RX_STACK})
    run = replace(run, spikes=(spike,), network=counts, drops=counts)
    pair = replace(make_pair(0), baseline=run, candidate=run)
    plain = render_markdown(replace(make_result(), pairs=(make_pair(0),)))
    report = render_markdown(replace(make_result(), pairs=(pair,)))
    assert filter_hits(report) == filter_hits(plain)
    assert all(rows == {width} for width, rows in column_counts(report))


def test_a_file_from_before_there_were_spikes_still_loads_and_renders() -> None:
    body = to_body(make_result())
    for pair in body["pairs"]:
        for arm in ("baseline", "candidate"):
            for name in ("network", "drops", "spikes", "spike_threshold_ns", "window_from_ns"):
                del pair[arm][name]
    old = result_from_body(body)
    run = old.pairs[0].baseline
    assert (run.network, run.drops, run.spikes) == ({}, {}, ())
    assert (run.spike_threshold_ns, run.window_from_ns) == (0, 0)
    report = render_markdown(old)
    assert "<summary>Stages</summary>" in report
    assert "Slowest" not in report
