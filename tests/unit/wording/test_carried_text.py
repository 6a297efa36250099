from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.sentence import plain
from tests.unit.factories import make_capacity, make_metric, make_result


def gated(outcome: Outcome, code: Reason, metrics: tuple[str, ...] = ("response_p50",)) -> Verdict:
    found = [make_metric(name, Outcome.PASS) for name in metrics]
    subject = "" if outcome is Outcome.PASS else CAPACITY_RPS
    return Verdict(
        outcome,
        (ReasonFact(code, subject, {"pairs": 6}),),
        metrics=tuple(found),
        pairs=6,
        capacity=make_capacity(outcome),
    )


def spoken(verdict: Verdict) -> str:
    result = make_result("gate")
    assert isinstance(result, GateResult)
    return plain(headline(replace(result, verdict=verdict)))


def text(verdict: Verdict) -> str:
    return reason_text(verdict.reasons[0], verdict)


def test_a_loss_is_the_headline() -> None:
    verdict = gated(Outcome.REGRESSION, Reason.LESS_CAPACITY)
    said = spoken(verdict)
    assert said.startswith("the candidate carries a lower rate (capacity_rps): -50.0% (interval ")
    assert "500/s beside the baseline's 1,000/s" in said
    assert text(verdict).startswith("capacity_rps changed by -50.0%")
    assert "tolerance -5.00%" in text(verdict)


def test_beside_a_slower_metric_it_is_said_too() -> None:
    verdict = gated(Outcome.REGRESSION, Reason.LESS_CAPACITY)
    slower = make_metric("response_p90", Outcome.REGRESSION, 0.3)
    said = spoken(replace(verdict, metrics=(slower,)))
    assert said.startswith("response_p90 is 30.0% slower")
    assert "; also the candidate carries a lower rate (capacity_rps): -50.0%" in said


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (("response_p50",), "all 2 metrics are below their regression thresholds after 6 pairs"),
        ((), "the metric is below its regression threshold after 6 pairs; capacity_rps"),
    ],
)
def test_a_pass_counts_it(metrics: tuple[str, ...], said: str) -> None:
    verdict = gated(Outcome.PASS, Reason.NO_REGRESSION, metrics)
    assert said in spoken(verdict)
    assert "10 rounds exclude a capacity that is lower by 15.0%" in text(verdict)
    assert ("6 pairs exclude changes" in text(verdict)) is bool(metrics)


def test_what_is_open_says_how_many_rounds_it_takes_and_what_to_do() -> None:
    verdict = gated(Outcome.INCONCLUSIVE, Reason.CAPACITY_UNDECIDED)
    assert "capacity_rps is undecided after 2 rounds: -10.0%" in spoken(verdict)
    result = make_result("gate")
    assert "gate.max_minutes" in plain(next_step(replace(result, verdict=verdict)))
    study = verdict.capacity
    assert study is not None
    none = replace(study, rounds=(), verdict=replace(study.verdict, rounds=0))
    assert "no round was measured" in spoken(replace(verdict, capacity=none))


@pytest.mark.parametrize(
    ("code", "said", "advice"),
    [
        (Reason.LOAD_NOT_DELIVERED, "the load driver was at its end", "load.cpuset"),
        (Reason.ANSWERS_DIFFER, "responses have other statuses or sizes", "gate.accept_answers"),
        (Reason.NOT_MEASURED, "cannot be judged by stored numbers", "socklat-gate gate"),
    ],
)
def test_why_rounds_show_nothing_and_what_to_do(code: Reason, said: str, advice: str) -> None:
    verdict = gated(Outcome.INCONCLUSIVE, code)
    assert said in text(verdict)
    assert advice in plain(next_step(replace(make_result("gate"), verdict=verdict)))


def test_the_budget_does_not_speak_of_pairs_then() -> None:
    verdict = gated(Outcome.INCONCLUSIVE, Reason.CAPACITY_UNDECIDED)
    budget = ReasonFact(Reason.BUDGET_MINUTES, numbers={"pairs": 6, "pairs_to_decide": None})
    spent = replace(verdict, reasons=(*verdict.reasons, budget))
    assert reason_text(budget, spent) == "the budget of minutes is spent after 6 usable pairs"


def test_a_stored_reason_without_its_numbers_is_a_sentence() -> None:
    verdict = replace(gated(Outcome.REGRESSION, Reason.LESS_CAPACITY), capacity=None)
    assert text(verdict) == "capacity_rps: less capacity"
