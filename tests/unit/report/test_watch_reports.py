"""The watch in every format: which stops it would have found, and where they were."""

from __future__ import annotations

import html
import json
import math
import sys
from dataclasses import replace

import html5lib
import pytest
from junitparser import JUnitXml

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.forge.shortening import shorten
from socklat_gate.measured.facts import Note, NoteCode, ReasonFact
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.stop_verdict import MECHANISMS
from socklat_gate.measured.verdict import Outcome
from socklat_gate.measured.watch import StopUse
from socklat_gate.report.formats.html.watch_strip import MAX_MARKS, watch_strip
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.formats.verdict_schema import verdict_schema
from socklat_gate.report.replica_rows import stopped_replicas
from socklat_gate.report.report import report_of
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.sentence import plain
from socklat_gate.wording.stop_text import found_text
from tests.unit.factories import make_result, make_spike_verdict
from tests.unit.report.rendered import (
    render_html,
    render_junit,
    render_markdown,
    render_openmetrics,
)
from tests.unit.report.test_request_formats import value_of
from tests.unit.report.test_verdict_json import problems
from tests.unit.watches import (
    make_growth,
    make_stop_spike,
    make_stops,
    make_watch,
    watched_result,
    with_mechanisms,
)

AGES = {
    ("candidate", 0): (20.1, 40.2),
    ("candidate", 1): (20.1,),
    ("baseline", 3): (30.0,),
    ("candidate", 3): (30.0,),
}
STOPPED = watched_result(
    Outcome.REGRESSION, make_stops(failed=True, candidate=5), make_growth(), AGES
)


def gate_result(outcome: Outcome = Outcome.PASS) -> GateResult:
    result = make_result("gate", outcome)
    assert isinstance(result, GateResult)
    return result


# the line of every report


def test_a_pass_says_which_stops_it_would_have_found() -> None:
    made = watched_result()
    assert made.watch is not None
    report = render_markdown(made)
    line = (
        "- Watch: 16 + 16 replicas, 32.0 container-minutes each; no stop. A stop of 425 ms or more "
        "that comes every 1 min 35 s or more often, or once by an age of 1 min 50 s, would have "
        "failed 90% of such jobs; shorter, rarer and later ones can pass."
    )
    assert line in report.splitlines()
    assert report.count("- the fleet's note") == 1
    assert render_markdown(replace(made, notes=made.watch.notes)).count("the fleet's note") == 1
    assert "### Watch" not in report
    assert "<summary>How the watch was judged</summary>" in report
    # It is computed for a baseline without stops, and says so where that has some.
    both = replace(make_stops(), baseline_stops=2, baseline_with=2)
    assert "such jobs beside a baseline without stops; shorter" in found_text(both)
    assert "beside a baseline" not in report


def test_without_a_watch_it_says_what_is_not_met() -> None:
    result = gate_result()
    verdict = replace(result.verdict, spikes=make_spike_verdict())
    line = (
        "- Watch: none. The pairs had the candidate for 16.0 s, for at most 8.0 s at a time: stops "
        "that come more rarely, or later in the life of a container, are not met."
    )
    report = render_markdown(replace(result, verdict=verdict))
    assert line in report.splitlines()
    assert "How the watch was judged" not in report
    assert "Watch" not in render_markdown(result)  # spikes are not judged at all
    assert "Watch" not in render_markdown(make_result("compare"))
    assert "Watch" not in render_markdown(make_result("run"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"candidate_exposure_s": 1800.0}, "replicas, 32.0 and 30.0 container-minutes;"),
        ({"candidate_stops": 1, "candidate_with": 1}, "stops: 1 of the candidate and none of the"),
        ({"baseline_stops": 2, "baseline_with": 1}, "none of the candidate and 2 of the baseline"),
        ({"shared": 1}, "no stop of one arm alone, and 1 moment at which both arms stopped"),
        ({"found_every_s": None}, "that comes once by an age of 1 min 50 s, would"),
        ({"found_from_start_s": 0.0}, "that comes every 1 min 35 s or more often, would"),
        ({"found_every_s": None, "found_from_start_s": math.nan}, "is too small to find any"),
        ({"sure_ns": math.nan}, "A stop of 50.0 ms or more that comes"),
        ({"candidate_replicas": 0}, "Watch: no replicas of both arms were watched"),
    ],
)
def test_what_the_line_says(changes: dict[str, object], said: str) -> None:
    result = watched_result(stops=replace(make_stops(), **changes))  # type: ignore[arg-type]
    assert said in render_markdown(result)


def test_fewer_replicas_than_were_wanted_are_beside_that_number() -> None:
    result = watched_result()
    assert result.watch is not None
    fewer = replace(result, watch=replace(result.watch, wanted=20))
    assert "Watch: 16 + 16 of 20 + 20 replicas" in render_markdown(fewer)


# a regression


def test_more_stops_are_the_headline_with_stage_and_timer() -> None:
    said = plain(headline(STOPPED))
    assert said == (
        "the candidate stops: 5 stops of 50.0 ms or more (longest 812 ms) in 5 of the candidate's "
        "16 replicas (baseline: none in 16), most of their time in recv_wait; at ages of 20, 40, "
        "60 s, multiples of 20.1 s: a timer that starts with the process"
    )
    advice = plain(next_step(STOPPED))
    assert advice.startswith("Start with recv_wait: requests lay unread in the socket")
    assert "Look for what comes every 20.1 s from the start of the process." in advice


@pytest.mark.parametrize(
    ("counts", "named", "counted", "advice"),
    [
        (
            {"blocked": 4, "running": 1},
            "; blocked (its threads slept or waited); at ages of",
            "4 blocked, 1 running",
            "What stopped it used no CPU",
        ),
        ({"throttled": 3}, "; throttled (its CPU", "3 throttled, 2 not named", "of its CPU quota"),
        ({"blocked": 2, "swapped": 2}, "", "2 blocked, 2 swapped, 1 not named", ""),
        ({"stolen": 5}, "; stolen (the machine", "5 stolen", "repeat the job on a runner"),
        ({}, "", "", ""),
    ],
)
def test_what_the_candidate_did_while_it_stopped(
    counts: dict[str, int], named: str, counted: str, advice: str
) -> None:
    stops = with_mechanisms(make_stops(failed=True, candidate=5), **counts)
    result = watched_result(Outcome.REGRESSION, stops)
    assert named in plain(headline(result))
    assert advice in plain(next_step(result))
    said = f"The candidate's stops by mechanism: {counted}."
    for text in (render_markdown(result), html.unescape(render_html(result))):
        assert (said in text) == bool(counted)
        assert named in text
        assert ("by mechanism" in text) == bool(counted)
    assert f"by mechanism: {counted}" in render_junit(result) or not counted
    for name in MECHANISMS:
        value = value_of(result, "socklat_gate_stops_mechanism", mechanism=name)
        assert value == counts.get(name, 0)
    document = json.loads(json.dumps(verdict_document(result), allow_nan=False))
    assert problems(document, verdict_schema()) == []
    assert document["stops"]["mechanisms"] == counts


def test_names_that_somebody_else_wrote_are_not_shown() -> None:
    stops = replace(make_stops(failed=True, candidate=5), mechanisms={"<b>": 3, "blocked": 1})
    result = watched_result(Outcome.REGRESSION, stops)
    assert "by mechanism: 1 blocked, 1 not named." in render_markdown(result)
    assert "&lt;b&gt;" not in render_html(result)


def test_a_mark_says_what_the_replica_did() -> None:
    result = watched_result(ages_s={("candidate", 1): (20.1,), ("baseline", 0): (30.0,)})
    assert result.watch is not None
    replicas = tuple(
        replace(
            one,
            uses=tuple(
                StopUse(at, spike.length_ns, at, at + spike.length_ns, spike.length_ns, waited_ns=0)
                for spike in one.spikes
                for at in (spike.rx_first_ns,)
            ),
        )
        for one in result.watch.replicas
    )
    page = render_html(replace(result, watch=replace(result.watch, replicas=replicas)))
    assert page.count("most of it in recv_wait, running<") == 2
    assert "running<" not in render_html(result)


def test_why_stops_have_no_name_is_said_once_and_only_where_there_are_some() -> None:
    note = Note(NoteCode.STOPS_NOT_NAMED, "cgroup")
    for candidate, times in ((5, 1), (0, 0)):
        result = watched_result(stops=make_stops(candidate=candidate))
        assert result.watch is not None
        result = replace(result, watch=replace(result.watch, notes=(note,)))
        assert render_markdown(result).count("is not named: the control groups") == times


@pytest.mark.parametrize(
    ("ages_s", "timer_s", "said"),
    [
        ((90.0, 90.4, 89.7), 90.0, "all at an age of about 1 min 30 s: something that begins"),
        ((12.0, 33.4, 7.25), None, "; at ages of 7.2, 12, 33 s"),
        ((10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0), 10.0, "10, 20, 30, 40, 50 and 2 more s, mult"),
        ((math.nan, 3.0), None, "; at ages of 3.0 s"),
    ],
)
def test_ages_of_the_stops(ages_s: tuple[float, ...], timer_s: float | None, said: str) -> None:
    stops = replace(make_stops(failed=True, candidate=5), ages_s=ages_s, timer_s=timer_s)
    assert said in render_markdown(watched_result(Outcome.REGRESSION, stops))


def test_stops_come_after_what_else_failed() -> None:
    result = gate_result(Outcome.REGRESSION)
    verdict = replace(
        result.verdict,
        stops=make_stops(failed=True, candidate=5),
        growth=make_growth(failed=True),
    )
    said = plain(headline(replace(result, verdict=verdict)))
    assert said.startswith("response_p99 is 31.0% slower")
    assert "; also the candidate stops: 5 stops" in said
    assert said.endswith("+40.0% in 1 min 30 s (baseline +1.00%)")


def test_growth_is_named_with_what_to_look_for() -> None:
    result = watched_result(Outcome.REGRESSION, make_stops(), make_growth(failed=True))
    assert plain(headline(result)) == (
        "memory grows with the age of the candidate's replicas: +40.0% in 1 min 30 s (baseline "
        "+1.00%)"
    )
    assert plain(next_step(result)).startswith("Look for what is kept with each request")
    assert "waive it for a while: [[waiver]] of growth_memory." in plain(next_step(result))
    report = render_markdown(result)
    assert "✘ **Growth**: memory grows" in report
    assert "+20.0% a minute more than the baseline's (interval +15.0% to +26.0%)" in report


# a pass that waits


def with_reasons(result: GateResult, *facts: ReasonFact) -> GateResult:
    return replace(result, verdict=replace(result.verdict, reasons=facts))


def waiting(numbers: dict[str, float], missing_s: float, *before: ReasonFact) -> GateResult:
    stops = make_stops(missing_s=missing_s)
    fact = ReasonFact(Reason.WATCH_OPEN, numbers=numbers)
    return watched_result(Outcome.INCONCLUSIVE, stops, make_growth(), {}, *before, fact)


def test_an_open_watch_is_the_headline_and_not_the_budget() -> None:
    budget = ReasonFact(Reason.BUDGET_MINUTES, numbers={"pairs": 2})
    result = waiting({"missing_s": 80.0}, 80.0, budget)
    assert plain(headline(result)).startswith(
        "all else would pass, but the watch has to last for 1 min 20 s more (so far 16 + 16"
    )
    assert plain(next_step(result)) == (
        "Raise gate.max_minutes, or watch for less with gate.watch.minutes."
    )
    assert "not expected to decide" not in render_markdown(result)


def test_evidence_that_keeps_a_pass_away() -> None:
    result = waiting({"evidence": 7.0, "limit": 4.0}, 0.0)
    assert plain(headline(result)) == (
        "all else would pass, but the watch so far speaks for more stops of the candidate: none of "
        "the candidate and none of the baseline (evidence 7, a pass allows 4)"
    )
    advice = plain(next_step(result))
    assert advice.endswith("A longer watch decides: raise gate.max_minutes.")
    assert "gate.watch.minutes" not in advice
    at_once = waiting({"at_once": 5}, 0.0)
    assert "5 replicas of the candidate stopped at the same moment" in plain(headline(at_once))
    assert "none or far fewer of the baseline's" in plain(headline(at_once))
    assert plain(next_step(at_once)) == advice
    fact = ReasonFact(Reason.WATCH_OPEN, "growth_cpu", {"evidence": 31.0, "limit": 20.0})
    assert plain(headline(with_reasons(result, fact))) == (
        "all else would pass, but the watch so far speaks for growth of CPU time of the candidate "
        "(evidence 31, a pass allows 20)"
    )


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        (1, "but 1 replica of the candidate died, fell silent or left requests without a"),
        (2, "but 2 replicas of the candidate died, fell silent or left requests without a"),
    ],
)
def test_replicas_that_fell_silent_keep_a_pass_away(silent: int, said: str) -> None:
    result = waiting({"silent": silent, "missing_s": 40.0}, 40.0)
    assert said in plain(headline(result))
    assert "; the watch has to last for 40.0 s more" in plain(headline(result))
    assert plain(next_step(result)).startswith("Read the log of the candidate's replicas")
    assert "what a pass waits for" in render_junit(result)


def test_a_fact_that_says_nothing_is_still_a_sentence() -> None:
    result = waiting({}, math.nan)
    assert plain(headline(result)) == ("all else would pass, but the watch is not long enough yet")


def test_no_room_for_replicas_is_no_pass_that_time_would_bring() -> None:
    result = waiting({"missing_s": math.inf}, math.inf)
    assert "no replicas that could be watched" in plain(headline(result))
    assert plain(next_step(result)).startswith("Free memory for two replicas of each arm")
    again = result_from_body(json.loads(json.dumps(to_body(result))))
    assert isinstance(again, GateResult)
    assert again.verdict.stops is not None
    assert math.isinf(again.verdict.stops.missing_s)
    assert render_markdown(again) == render_markdown(result)


def test_all_evidence_together_may_be_that_of_the_watch() -> None:
    names = "stops, growth_memory, response_p99"
    fact = ReasonFact(Reason.REGRESSION_TOGETHER, names, {"evidence": 130.0, "threshold": 100.0})
    result = with_reasons(watched_result(Outcome.REGRESSION), fact)
    assert (
        "most evidence is that of stops of replicas; growth of memory; response_p99 (+0.40%)"
    ) in render_markdown(result)


# machines


def test_verdict_json_has_stops_and_growth() -> None:
    document = json.loads(json.dumps(verdict_document(STOPPED), allow_nan=False))
    assert problems(document, verdict_schema()) == []
    stops = document["stops"]
    assert (stops["verdict"], stops["candidate_stops"], stops["timer_s"]) == ("regression", 5, 20.1)
    assert stops["candidate_per_s"] == 5 / 1920
    assert stops["power"].startswith("A stop of 425 ms or more")
    assert [one["what"] for one in document["growth"]] == ["response", "cpu", "memory"]
    assert {one["verdict"] for one in document["growth"]} == {"pass"}
    without = verdict_document(gate_result())
    assert (without["stops"], without["growth"]) == (None, [])


def test_a_verdict_of_an_earlier_version_follows_the_schema() -> None:
    document = json.loads(json.dumps(verdict_document(gate_result())))
    del document["stops"], document["growth"]
    assert problems(document, verdict_schema()) == []


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (watched_result(), None),
        (STOPPED, "regression"),
        (waiting({"missing_s": 80.0}, 80.0), "inconclusive"),
        (watched_result(stops=replace(make_stops(), baseline_replicas=0)), "inconclusive"),
        (watched_result(stops=make_stops(missing_s=math.nan)), "inconclusive"),
        (watched_result(stops=replace(make_stops(), silent=1)), "inconclusive"),
        (watched_result(stops=replace(make_stops(), undecided=True)), "inconclusive"),
    ],
)
def test_junit_has_a_case_for_stops(result: GateResult, kind: str | None) -> None:
    suite = next(iter(JUnitXml.fromstring(render_junit(result).encode())))
    cases = {case.name: case for case in suite}
    found = cases["stops"].result
    assert (found[0].type if found else None) == kind
    assert {"growth_response", "growth_cpu", "growth_memory"} <= cases.keys()
    assert cases["growth_memory"].is_passed


@pytest.mark.parametrize(
    ("replicas", "evidence", "said"),
    [
        (1, 0.8, "too few replicas are old enough"),
        (2, sys.float_info.min, "the watch ended before the first look"),
        (2, 0.8, "✔ pass"),
    ],
)
def test_growth_passes_where_it_was_judged_and_nowhere_else(
    replicas: int, evidence: float, said: str
) -> None:
    growth = tuple(replace(one, replicas=replicas, evidence=evidence) for one in make_growth())
    result = watched_result(growth=growth)
    suite = next(iter(JUnitXml.fromstring(render_junit(result).encode())))
    case = next(case for case in suite if case.name == "growth_cpu")
    assert case.is_skipped == (said != "✔ pass")
    rows = render_markdown(result).splitlines()
    (row,) = [row for row in rows if row.startswith("| CPU time |") and "+1.20%" in row]
    assert said in row
    assert "n/a" not in row or "pass" not in row


def test_growth_that_nothing_is_known_of_is_skipped_and_no_success() -> None:
    nothing = {"change": math.nan, "ci_low": -math.inf, "ci_high": math.inf, "replicas": 0}
    unknown = tuple(replace(one, **nothing, evidence=sys.float_info.min) for one in make_growth())
    result = watched_result(growth=unknown)
    suite = next(iter(JUnitXml.fromstring(render_junit(result).encode())))
    cases = {case.name: case for case in suite}
    assert cases["growth_memory"].is_skipped
    said = "growth of memory is not known: too few replicas are old enough"
    assert cases["growth_memory"].result[0].message == said
    row = "| memory | +1.00% | +1.10% | n/a | unbounded | n/a | too few replicas are old enough |"
    assert row in render_markdown(result)


def test_junit_and_openmetrics_of_results_without_a_watch_have_nothing_of_it() -> None:
    result = gate_result()
    suite = next(iter(JUnitXml.fromstring(render_junit(result).encode())))
    assert {case.name for case in suite} & {"stops", "growth_memory"} == set()
    text = render_openmetrics(result)
    assert "_stops" not in text
    assert "_growth" not in text


def test_openmetrics_has_the_families_of_the_watch() -> None:
    assert value_of(STOPPED, "socklat_gate_stops", arm="candidate") == 5
    assert value_of(STOPPED, "socklat_gate_stops_replicas", arm="baseline") == 16
    assert value_of(STOPPED, "socklat_gate_stops_replicas_stopped", arm="candidate") == 5
    assert value_of(STOPPED, "socklat_gate_stops_exposure_seconds", arm="candidate") == 1920
    assert value_of(STOPPED, "socklat_gate_stops_found_every_seconds") == 95
    assert value_of(STOPPED, "socklat_gate_stops_found_from_start_seconds") == 110
    assert value_of(STOPPED, "socklat_gate_stops_found_length_seconds") == 0.425
    assert value_of(STOPPED, "socklat_gate_stops_evidence", of="threshold") == 800
    assert value_of(STOPPED, "socklat_gate_stops_failed") == 1
    grown = watched_result(Outcome.REGRESSION, make_stops(), make_growth(failed=True))
    assert value_of(grown, "socklat_gate_growth_ratio", what="memory", arm="candidate") == 0.4
    assert value_of(grown, "socklat_gate_growth_change_ratio", what="memory") == 0.2
    assert value_of(grown, "socklat_gate_growth_failed", what="memory") == 1
    assert value_of(grown, "socklat_gate_growth_failed", what="cpu") == 0


# the drawing


def test_a_strip_for_each_replica_with_its_stops_and_shared_ones_apart() -> None:
    replicas = stopped_replicas(make_watch(AGES), make_stops())
    strip = watch_strip(replicas)
    assert strip is not None
    assert [panel.arm for panel in strip.panels] == list(ARMS)
    assert [len(panel.rows) for panel in strip.panels] == [4, 4]
    candidate = strip.panels[1].rows
    (first, second), (same,) = candidate[0].marks, candidate[1].marks
    assert (first.at, second.at) == (33.5, 67.0)  # percent of 60 s
    assert first.text == (
        "candidate 0, at an age of 20.1 s: an exchange of 812 ms, most of it in recv_wait"
    )
    assert same.at == pytest.approx(100 * 22.1 / 60, abs=0.01)
    shared = [mark for panel in strip.panels for row in panel.rows for mark in row.marks]
    assert [mark.shared for mark in shared] == [True, False, False, False, True]
    assert candidate[3].started == 10.0
    assert strip.ticks[:2] == ((0.0, "0 s"), (16.67, "10 s"))


def test_the_table_has_the_ages_of_each_replica() -> None:
    rows = report_of(STOPPED).replicas
    assert rows is not None
    by_name = {row.name: row for row in rows.rows}
    assert by_name["candidate 0"].ages == "20.1, 40.2"
    assert by_name["candidate 0"].memory == "31.5 MB → 35.7 MB"
    assert by_name["baseline 0"].stops == "0"
    # What hit both arms is none of the stops that the summary counts.
    assert (by_name["candidate 3"].stops, by_name["candidate 3"].ages) == ("0", "(30.0)")
    page = render_html(STOPPED)
    assert "An age in parentheses: both arms stopped" in page
    quiet = report_of(replace(STOPPED, watch=make_watch())).replicas
    assert quiet is not None
    assert not quiet.shared
    assert page.count('class="stop"') == 1 + 3
    assert page.count('class="stop both"') == 1 + 2
    assert "<title>candidate 0, at an age of 20.1 s: an exchange of 812 ms" in page
    assert "20.1, 40.2" in page


def test_a_slow_moment_of_several_exchanges_is_one_stop() -> None:
    watch = make_watch({("candidate", 0): (20.1, 20.3, 20.5)})
    (first, *_) = [one for one in stopped_replicas(watch, None) if one.stops]
    assert len(first.stops) == 1


def test_a_replica_that_falls_silent_has_a_mark_though_no_exchange_shows_it() -> None:
    watch = make_watch()
    (baseline, candidate, *others) = watch.replicas
    hung = replace(
        candidate,
        slices=tuple(
            replace(part, exchanges=0, p50_ns=math.nan, p99_ns=math.nan) if at >= 2 else part
            for at, part in enumerate(candidate.slices)
        ),
    )
    strip = watch_strip(stopped_replicas(replace(watch, replicas=(baseline, hung, *others)), None))
    assert strip is not None
    (mark,) = strip.panels[1].rows[0].marks
    assert mark.text == "candidate 0, at an age of 21.0 s: no exchange for 10.0 s"


def test_too_many_stops_are_cut_and_counted() -> None:
    ages = tuple(float(second) for second in range(2, 302, 2))
    watch = make_watch({("candidate", 0): ages}, replicas=1, lasts_s=400)
    strip = watch_strip(stopped_replicas(watch, None))
    assert strip is not None
    assert (len(strip.panels[1].rows[0].marks), strip.unmarked) == (MAX_MARKS, 150 - MAX_MARKS)
    page = render_html(replace(watched_result(), watch=watch))
    assert "50 more stops have no mark" in page


# documents that somebody else wrote


def test_replicas_without_exposure_do_no_harm() -> None:
    result = watched_result()
    assert result.watch is not None
    replicas = tuple(
        replace(one, from_ns=one.started_ns, to_ns=one.started_ns, slices=(), exchanges=0)
        for one in result.watch.replicas
    )
    stops = replace(
        make_stops(candidate=2),
        baseline_exposure_s=0.0,
        candidate_exposure_s=0.0,
        ages_s=(),
        timer_s=0.0,
    )
    for odd in (
        replace(result, watch=replace(result.watch, replicas=replicas)),
        replace(result, watch=replace(result.watch, replicas=replicas[:1])),
        replace(result, watch=replace(result.watch, replicas=())),
        replace(result, watch=None),
    ):
        for verdict in (replace(odd.verdict, stops=stops), replace(odd.verdict, stops=None)):
            one = replace(odd, verdict=verdict)
            assert html5lib.parse(render_html(one)) is not None
            assert render_markdown(one)
            assert render_junit(one)
            assert render_openmetrics(one)
            assert problems(json.loads(json.dumps(verdict_document(one))), verdict_schema()) == []


def test_moments_beyond_any_clock_are_refused() -> None:
    result = watched_result(ages_s=AGES)
    body = to_body(result)
    body["watch"]["replicas"][1]["spikes"][0]["rx_first_ns"] = 2**64 - 1
    with pytest.raises(NoUsableBaseline, match="that a clock can have"):
        result_from_body(body)


def test_a_watch_that_was_not_judged_is_drawn_and_nothing_is_claimed() -> None:
    result = gate_result()
    only_seen = replace(result, watch=make_watch(AGES))
    page = render_html(only_seen)
    assert 'class="stop"' in page
    assert "would have failed 90%" not in page
    spiky = replace(result.verdict, spikes=make_spike_verdict())
    assert "Watch: none" not in render_markdown(replace(only_seen, verdict=spiky))


def test_a_short_comment_keeps_the_line() -> None:
    report = report_of(STOPPED)
    whole = shorten(report, 60_000)
    assert "Replicas of the watch" in whole
    short = shorten(report, 4_000)
    assert len(short) <= 4_000
    assert "- Watch: 16 + 16 replicas" in short
    assert "Replicas of the watch" in short.partition("Left out because of the size limit: ")[2]


def test_a_stop_needs_a_spike_of_the_threshold() -> None:
    watch = make_watch({("candidate", 0): (20.1,)})
    (_, replica, *others) = watch.replicas
    quick = replace(replica, spikes=(make_stop_spike(replica.spikes[0].rx_first_ns, 60_000_000),))
    slower = replace(make_stops(), threshold_ns=7e7)
    found = stopped_replicas(replace(watch, replicas=(watch.replicas[0], quick, *others)), slower)
    assert not any(one.stops for one in found)
