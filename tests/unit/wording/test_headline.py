import math
from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Note, NoteCode, ReasonFact
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, Outcome, Verdict
from socklat_gate.wording.decisive import slice_of
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.outcomes import metric_outcome_text
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.sentence import Name, plain
from tests.unit.factories import (
    make_attribution,
    make_cpu_metric,
    make_limit,
    make_metric,
    make_result,
    worded_reasons,
)


def with_verdict(result: Result, **changes) -> Result:
    return replace(result, verdict=replace(result.verdict, **changes))


def test_a_regression_names_metric_size_interval_and_stage():
    assert plain(headline(make_result())) == (
        "response_p99 is 31.0% slower (interval 24.0% to 39.0%), almost all of it in app"
    )


def test_identifiers_are_marked():
    names = [part for part in headline(make_result()) if isinstance(part, Name)]
    assert names == ["response_p99", "app"]


def test_a_regression_without_a_stage_does_not_guess():
    result = with_verdict(make_result(), attribution=make_attribution(None))
    assert "of it in" not in plain(headline(result))
    assert "Look at what this change does" in plain(next_step(result))


def test_the_stage_belongs_to_the_slice_of_the_metric():
    middle, tenth, _ = make_attribution("app")
    result = with_verdict(make_result(), attribution=(middle, tenth))
    assert "of it in" not in plain(headline(result))
    assert [slice_of(q) for q in (0.5, 0.9, 0.95, 0.99, 0.999)] == [
        "middle",
        "slowest 10%",
        "slowest 10%",
        "slowest 1%",
        "slowest 1%",
    ]


def test_a_regression_of_one_stage_is_not_attributed_to_stages():
    metric = make_metric("app_p99", Outcome.REGRESSION, 0.3)
    assert "of it in" not in plain(headline(with_verdict(make_result(), metrics=(metric,))))


def test_further_regressions_are_named_too():
    metrics = tuple(
        make_metric(f"response_p{p}", Outcome.REGRESSION, p / 100) for p in (50, 90, 99)
    )
    text = plain(headline(with_verdict(make_result(), metrics=metrics)))
    assert text.startswith("response_p99 is 99.0% slower")
    assert text.endswith("; also response_p50 (+50.0%), response_p90 (+90.0%)")


def test_an_unbounded_interval_is_left_out():
    metric = replace(
        make_metric("response_p99", Outcome.REGRESSION, 0.2), ci_low=-math.inf, ci_high=math.inf
    )
    result = with_verdict(make_result(), metrics=(metric,), attribution=())
    assert plain(headline(result)) == "response_p99 is 20.0% slower"


def test_a_pass_names_the_largest_change():
    assert plain(headline(make_result("gate", Outcome.PASS))) == (
        "all 3 metrics are below their regression thresholds after 2 pairs; "
        "largest change: response_p90 -1.10% (interval -8.10% to +6.90%), "
        "largest increase: response_p50 +0.40% (interval -6.60% to +8.40%)"
    )


def improvement(name: str, change: float) -> MetricVerdict:
    cpu = name == "cpu_per_request"
    found = (
        make_cpu_metric(Outcome.PASS, change) if cpu else make_metric(name, Outcome.PASS, change)
    )
    return replace(found, improved=True, evidence_improved=32.0)


def test_a_pass_that_improved_says_so_first_and_hides_no_increase():
    metrics = (
        improvement("response_p50", -0.73),
        make_metric("response_p90", Outcome.PASS, 0.011),
        make_metric("response_p99", Outcome.PASS, -0.13),
        improvement("cpu_per_request", -0.69),
    )
    result = with_verdict(make_result("gate", Outcome.PASS), metrics=metrics)
    said = plain(headline(result))
    assert said.startswith("improved: response_p50 -73.0%, cpu_per_request -69.0%; all 4 metrics")
    assert "largest change: response_p99 -13.0%" in said
    assert "largest increase: response_p90 +1.10%" in said
    assert "save the new reference" in plain(next_step(result))


def test_a_large_fall_is_the_largest_change():
    metrics = (
        make_metric("response_p50", Outcome.PASS, 0.004),
        make_metric("response_p99", Outcome.PASS, -0.13),
    )
    said = plain(headline(with_verdict(make_result("gate", Outcome.PASS), metrics=metrics)))
    assert "; largest change: response_p99 -13.0%" in said


def test_nothing_that_failed_is_called_improved():
    """A faster wrong answer is no improvement."""
    metrics = (improvement("response_p50", -0.73),)
    for outcome in (Outcome.REGRESSION, Outcome.INCONCLUSIVE):
        reasons = worded_reasons((Reason.MORE_ERRORS, "more errors"))
        result = with_verdict(make_result("gate", outcome), metrics=metrics, reasons=reasons)
        assert "improved" not in plain(headline(result))
        assert "Nothing to do" not in plain(next_step(result))


def test_a_slower_metric_that_was_not_waited_for_is_said_to_be_slower():
    slower = replace(
        make_metric("response_p90", Outcome.INCONCLUSIVE, 0.19), ci_low=0.17, ci_high=0.21
    )
    failed = make_metric("response_p99", Outcome.REGRESSION, 0.4)
    result = with_verdict(make_result(), metrics=(slower, failed))
    assert plain(headline(result)).endswith(
        "; response_p90 is slower, evidence incomplete: +19.0% (interval +17.0% to +21.0%)"
    )
    open_ = with_verdict(make_result("gate", Outcome.INCONCLUSIVE), metrics=(slower,))
    assert plain(headline(open_)) == (
        "response_p90 is slower, evidence incomplete: +19.0% (interval +17.0% to +21.0%) "
        "after 2 pairs"
    )
    assert metric_outcome_text(slower) == "? slower, evidence incomplete"
    within = replace(slower, ci_low=0.02)
    assert metric_outcome_text(within) == "? inconclusive"
    assert metric_outcome_text(improvement("response_p50", -0.4)) == "✔ improved"


def test_a_pass_of_a_stand_in_names_what_was_asked():
    note = Note(NoteCode.STAND_IN, "PING")
    passed = replace(make_result("gate", Outcome.PASS), notes=(note,))
    assert plain(headline(passed)).endswith("; only PING was asked, a stand-in")
    assert "remove load.stand_in" in note_text(note)
    failed = replace(make_result(), notes=(note,))
    assert "stand-in" not in plain(headline(failed))
    left_out = Note(NoteCode.DEFAULTS_LEFT_OUT, "response_p99, spikes")
    assert note_text(left_out) == "not gated here, but by default: response_p99, spikes"


def limit(outcome: Outcome, candidate_ns: float = 3.1e7) -> LimitVerdict:
    return make_limit("response_p99", outcome, candidate_ns)


def test_limits_are_said_in_the_headline():
    above = with_verdict(
        make_result(),
        metrics=(),
        limits=(limit(Outcome.REGRESSION, 6.1e7),),
        reasons=(ReasonFact(Reason.ABOVE_LIMIT, "response_p99"),),
    )
    assert plain(headline(above)) == (
        "response_p99 is 61.0 ms (95% interval 54.9 ms to 67.1 ms), above its limit of 50.0 ms"
    )
    assert "limit_ms" in plain(next_step(above))
    both = with_verdict(make_result(), limits=(limit(Outcome.REGRESSION, 6.1e7),))
    assert plain(headline(both)).endswith("; also response_p99 above its limit of 50.0 ms")
    beside = with_verdict(make_result("gate", Outcome.PASS), limits=(limit(Outcome.PASS),))
    assert "; below its limit: response_p99 31.0 ms of 50.0 ms" in plain(headline(beside))
    alone = with_verdict(
        make_result("gate", Outcome.PASS),
        metrics=(),
        limits=(limit(Outcome.PASS),),
        reasons=(ReasonFact(Reason.WITHIN_LIMITS, numbers={"pairs": 7}),),
    )
    assert plain(headline(alone)) == (
        "7 runs of the candidate show response_p99 31.0 ms below 50.0 ms; nothing was compared"
    )
    open_ = with_verdict(
        make_result("gate", Outcome.INCONCLUSIVE),
        metrics=(),
        limits=(limit(Outcome.INCONCLUSIVE, 4.9e7),),
        reasons=(ReasonFact(Reason.LIMIT_NOT_SHOWN, "response_p99"),),
        pairs_to_decide=None,
    )
    assert "not shown to be below its limit of 50.0 ms" in plain(headline(open_))
    assert "leave the limit more room" in plain(next_step(open_))


def test_an_open_verdict_says_what_is_open_and_how_much_more_it_takes():
    result = make_result("gate", Outcome.INCONCLUSIVE)
    assert plain(headline(result)).startswith("response_p99 is slower, evidence incomplete: +31.0%")
    wide = replace(result.verdict.metrics[2], ci_low=-0.1)
    assert plain(headline(with_verdict(result, metrics=(wide,)))).startswith(
        "2 pairs did not decide response_p99, +31.0%"
    )
    assert plain(next_step(result)) == (
        "About 12 more pairs would decide: run again with --max-pairs 14."
    )


def test_one_more_pair_and_more_minutes():
    reasons = worded_reasons((Reason.BUDGET_MINUTES, "10 minutes are over"))
    result = with_verdict(
        make_result("gate", Outcome.INCONCLUSIVE), pairs_to_decide=1, reasons=reasons
    )
    assert plain(next_step(result)) == (
        "About 1 more pair would decide: run again with --max-pairs 3 "
        "and a larger gate.max_minutes."
    )


def test_out_of_reach_is_said_so():
    result = with_verdict(make_result("gate", Outcome.INCONCLUSIVE), pairs_to_decide=None)
    assert "would hardly decide" in plain(next_step(result))


@pytest.mark.parametrize("outcome", [Outcome.INVALID, Outcome.NO_BASELINE])
def test_without_numbers_the_first_reason_is_the_headline(outcome):
    result = make_result("gate", outcome)
    assert plain(headline(result)) == reason_text(result.verdict.reasons[0], result.verdict)


def test_a_verdict_without_reasons_still_has_a_headline():
    result = replace(make_result(), verdict=Verdict(Outcome.INVALID, ()))
    assert plain(headline(result)) == "no reason was given"


def test_a_run_is_summed_up():
    text = plain(headline(make_result("run")))
    assert text.startswith("example/service:1.3 responded to 4\u202f000 requests: response p50 ")
    result = make_result("run")
    nothing = replace(result, campaign=replace(result.campaign, runs=()))
    assert "no exchange was recorded" in plain(headline(nothing))


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("reason", list(Reason))
def test_every_outcome_and_reason_has_a_next_step(outcome, reason):
    result = replace(make_result(), verdict=Verdict(outcome, worded_reasons((reason, "because"))))
    text = plain(next_step(result))
    assert text.endswith(".")
    assert "  " not in text


def test_an_image_cannot_steer_the_terminal() -> None:
    assert (
        plain(("image ", Name("demo\x1b[2J\nok: pass\u202e")))
        == "image demo\ufffd[2J\ufffdok: pass\ufffd"
    )
