"""Recorded exchanges dealt to named requests: nothing is lost, and jobs end as the gate's."""

from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate, Metric
from socklat_gate.scenario.named_gate import named_metrics
from socklat_gate.verdict.decide import decide
from tests.benchmarks.jobs import as_pairs, decide_jobs, draw, table
from tests.benchmarks.named_pairs import named_pairs
from tests.benchmarks.names import one_name
from tests.unit.factories import make_pair, with_correction

WEIGHTS = {"cart": 0.2, "home": 0.8}


def test_every_exchange_goes_to_one_name() -> None:
    pair = with_correction(make_pair(0))
    (dealt,) = named_pairs([pair], "response", WEIGHTS, 3)
    for arm in ARMS:
        before, after = pair.arm(arm), dealt.arm(arm)
        parts = after.requests.values()
        whole = Histogram.merged(part.histograms["response"] for part in parts)
        assert whole == before.histograms["response"]
        assert after.requests["cart"].exchanges == pytest.approx(400, abs=80)
        assert before.corrected is not None
        used = Histogram.merged(part.corrected.used["response"] for part in parts)
        assert used == before.corrected.used["response"]
        assert after.requests["home"].weight == pytest.approx(0.8)


def test_a_slower_name_is_slower_in_the_candidate_and_moves_the_whole_a_little() -> None:
    pairs = [with_correction(make_pair(at)) for at in range(6)]
    (dealt, *_) = named_pairs(pairs, "response", WEIGHTS, 3, {"cart": 2.0})
    (same, *_) = named_pairs(pairs, "response", WEIGHTS, 3)

    def p50(run, name: str) -> float:
        return run.requests[name].histograms["response"].quantile_ns(0.5)

    assert p50(dealt.candidate, "cart") == pytest.approx(2 * p50(same.candidate, "cart"), rel=0.02)
    assert p50(dealt.candidate, "home") == p50(same.candidate, "home")
    assert p50(dealt.baseline, "cart") == p50(same.baseline, "cart")
    whole = [
        run.histograms["response"].quantile_ns(0.5) for run in (dealt.candidate, same.candidate)
    ]
    assert 1.02 < whole[0] / whole[1] < 1.3
    corrected = dealt.candidate.corrected
    assert corrected is not None
    assert corrected.used["response"].total == same.candidate.corrected.used["response"].total


@pytest.mark.parametrize("factor", [1.0, 1.25])
def test_jobs_of_names_end_as_the_gate_ends_them(factor: float) -> None:
    pairs = named_pairs(
        [with_correction(make_pair(at)) for at in range(12)],
        "response",
        WEIGHTS,
        7,
        {"cart": factor},
    )
    by_name = [Metric(**vars(metric)) for metric in named_metrics({"cart": 400.0, "home": 1600.0})]
    gate = Gate(metrics=[Gate().metrics[0], *by_name], max_pairs=25)
    known = table(pairs, gate)
    drawn = draw(12, 8, 25, 5, swap=factor == 1.0)
    done = decide_jobs(known, drawn)
    ends = set()
    for job in range(8):
        end = done.ended_at[job]
        seen = int(min(end, 25))
        found = decide(as_pairs(pairs, drawn, job, seen), gate)
        before = decide(as_pairs(pairs, drawn, job, seen - 1), gate)
        expected = Outcome.REGRESSION if done.failed[job] else Outcome.PASS
        assert found.outcome is (expected if np.isfinite(end) else Outcome.INCONCLUSIVE)
        assert before.outcome is Outcome.INCONCLUSIVE
        named = [metric.verdict is Outcome.REGRESSION for metric in found.metrics]
        assert named == done.failed_by[:-1, job].tolist()
        ends.add(found.outcome)
    assert ends & {Outcome.PASS, Outcome.REGRESSION}


def test_a_gross_change_of_one_name_of_thirty_takes_sixteen_pairs_at_most() -> None:
    assert one_name(1, 94) == 16
    assert one_name(3, 94) == 14
