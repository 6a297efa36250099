import math
from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.decisive import slice_of
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.sentence import Name, plain
from tests.unit.factories import make_attribution, make_metric, make_result, worded_reasons


def with_verdict(result: Result, **changes) -> Result:
    return replace(result, verdict=replace(result.verdict, **changes))


def test_a_regression_names_metric_size_interval_and_stage():
    assert plain(headline(make_result())) == (
        "service_p99 is 31.0% slower (95% interval 24.0% to 39.0%), almost all of it in app"
    )


def test_identifiers_are_marked():
    names = [part for part in headline(make_result()) if isinstance(part, Name)]
    assert names == ["service_p99", "app"]


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
    metrics = tuple(make_metric(f"service_p{p}", Outcome.REGRESSION, p / 100) for p in (50, 90, 99))
    text = plain(headline(with_verdict(make_result(), metrics=metrics)))
    assert text.startswith("service_p99 is 99.0% slower")
    assert text.endswith("; also service_p50 (+50.0%), service_p90 (+90.0%)")


def test_an_unbounded_interval_is_left_out():
    metric = replace(
        make_metric("service_p99", Outcome.REGRESSION, 0.2), ci_low=-math.inf, ci_high=math.inf
    )
    result = with_verdict(make_result(), metrics=(metric,), attribution=())
    assert plain(headline(result)) == "service_p99 is 20.0% slower"


def test_a_pass_names_the_largest_change():
    assert plain(headline(make_result("gate", Outcome.PASS))) == (
        "all 3 metrics are below their regression thresholds after 2 pairs; "
        "largest change: service_p50 +0.40% (95% interval -6.60% to +8.40%)"
    )


def test_an_open_verdict_says_what_is_open_and_how_much_more_it_takes():
    result = make_result("gate", Outcome.INCONCLUSIVE)
    assert plain(headline(result)).startswith("2 pairs did not decide service_p99, +31.0%")
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
    assert text.startswith("example/service:1.3 responded to 4\u202f000 requests: service p50 ")
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
