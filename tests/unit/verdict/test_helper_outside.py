"""Whole decisions about a process outside of the containers that works for requests.

One CPU with a queue; the helper takes it away as soon as a request has come.  Corrected for stalls,
none of this was to be seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate
from socklat_gate.stalls.correction import correct_stalls
from socklat_gate.stalls.labels import coin_evidence
from socklat_gate.verdict.decide import decide
from tests.unit.stalls.simulated import MS, exchanges, fifo, stalls_at

from .builders import QUIET, run_of

PAIR_NS = 13_500 * MS
RATE = 250.0
STAGES = ("response", "service", "recv_wait", "app", "respond")
GATE = Gate.model_validate(
    {
        "metrics": [
            {"stage": "service", "quantile": q, "tolerance": low, "regression_threshold": 3 * low}
            for q, low in ((0.5, 0.05), (0.9, 0.1), (0.98, 0.1))
        ],
        "max_pairs": 20,
    }
)


def helped_pair(
    rng: np.random.Generator, index: int, shares: tuple[float, float], helps_ms: tuple[int, int]
) -> Pair:
    """Of each arm: the share of requests that the helper works for, and for how long."""
    count = rng.poisson(2 * RATE * PAIR_NS / 1e9)
    at_ns = np.sort(rng.integers(0, PAIR_NS, count))
    arm = rng.integers(0, 2, count)
    woken = rng.random(count) < np.array(shares)[arm]
    begins, ends = [0], [0]
    for at, length_ms in zip(at_ns[woken].tolist(), np.array(helps_ms)[arm[woken]], strict=True):
        begins.append(max(ends[-1], at + 50_000))
        ends.append(begins[-1] + int(length_ms) * MS)
    times = np.array(begins[1:], np.int64), np.array(ends[1:], np.int64)
    work_ns = (150e3 * rng.lognormal(0, 0.2, count)).astype(np.int64)
    taken_ns = fifo(at_ns, work_ns, *times)
    arms = [exchanges(at_ns[arm == one], taken_ns[arm == one], one) for one in (0, 1)]
    stalls = stalls_at(*times, "interference")
    corrected = correct_stalls(arms, stalls, 0, PAIR_NS, STAGES)
    runs = [
        replace(run_of(taken_ns[arm == one]), corrected=corrected.corrected[one]) for one in (0, 1)
    ]
    runs = [replace(run, cpu_ns=run.cpu_exchanges) for run in runs]  # the helper's is elsewhere
    return Pair(
        index, index, "baseline", *runs, QUIET, stall_evidence=coin_evidence(*arms, stalls, [0])
    )


@pytest.mark.parametrize(
    ("shares", "helps_ms", "expected"),
    [
        # The coins show it, and the raw numbers are judged.
        ((0.0, 0.02), (10, 10), {Reason.REGRESSION, Reason.CORRELATED_STALLS}),
        # It works for both, so the coins are fair; but the raw numbers keep the pass away.
        ((0.01, 0.01), (3, 10), {Reason.REGRESSION}),
        ((0.02, 0.02), (10, 10), {Reason.NO_REGRESSION}),
        ((0.02, 0.0), (10, 10), {Reason.NO_REGRESSION, Reason.CORRELATED_STALLS}),
    ],
    ids=["of the candidate", "longer for the candidate", "of both", "of the baseline"],
)
def test_what_a_helper_outside_of_the_containers_comes_to(
    shares: tuple[float, float], helps_ms: tuple[int, int], expected: set[Reason]
) -> None:
    rng = np.random.default_rng(11)
    pairs: list[Pair] = []
    verdict = decide(pairs, GATE)
    while verdict.outcome is Outcome.INCONCLUSIVE and len(pairs) < GATE.max_pairs:
        pairs.append(helped_pair(rng, len(pairs), shares, helps_ms))
        verdict = decide(pairs, GATE)
    assert {fact.code for fact in verdict.reasons} == expected
    # Without the test by coins and the wait for the raw numbers all of them passed by pair 5 or 6.
    hidden = [replace(pair, stall_evidence={}) for pair in pairs[:6]]
    assert all(metric.verdict is Outcome.PASS for metric in decide(hidden, GATE).metrics)
