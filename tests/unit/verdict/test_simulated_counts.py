"""What `tests.benchmarks.simulate_counts` prints in full, with few jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.pair import Pair
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.counts import judge_counts
from tests.benchmarks.simulate_counts import GATE, Drawn, bursts, ends_of, one_by_one

from .builders import pair_of, scaled_run

JOBS = 500
REFERENCE = scaled_run(0.0)


@pytest.mark.parametrize("due", [750, 8000])
@pytest.mark.parametrize("rate", [1e-4, 1e-3, 1e-2])
def test_equal_rates_do_not_fail_and_hardly_hold_up_a_pass(due: int, rate: float) -> None:
    ends = ends_of(one_by_one(np.random.default_rng(3), JOBS, due, rate, rate))
    assert np.isfinite(ends.fail).mean() <= 2 / JOBS
    assert np.isfinite(ends.passed).mean() > 0.98
    assert np.median(ends.passed) <= 6


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8])
def test_bursts_of_both_arms_do_not_fail(share: float) -> None:
    ends = ends_of(bursts(np.random.default_rng(4), 4 * JOBS, 8000, share, share))
    assert np.isfinite(ends.fail).mean() <= 4 / (4 * JOBS)


@pytest.mark.parametrize(
    ("due", "rate", "fails", "passes"),
    [
        (8000, 5e-4, 1.0, 0.0),
        (8000, 9e-4, 1.0, 0.0),
        (2000, 9e-4, 0.97, 0.01),
        (750, 9e-4, 0.93, 0.06),
        (750, 0.05, 1.0, 0.0),
    ],
)
def test_errors_against_none_fail_within_the_budget(
    due: int, rate: float, fails: float, passes: float
) -> None:
    ends = ends_of(one_by_one(np.random.default_rng(5), JOBS, due, 0.0, rate))
    assert np.isfinite(ends.fail).mean() >= fails
    assert np.isfinite(ends.passed).mean() <= passes
    if rate == 0.05:
        assert (ends.fail <= 7).mean() > 0.95  # pairs of 3 s: within a minute


@pytest.mark.parametrize("draw", [one_by_one, bursts])
def test_the_simulation_decides_as_the_gate_does(
    draw: Callable[..., Drawn],
) -> None:
    drawn = draw(np.random.default_rng(6), 12, 750, 2e-3, 0.02)
    ends = ends_of(drawn)
    for job in range(12):
        pairs = [_pair(drawn, job, at) for at in range(GATE.max_pairs)]
        for used in (5, 6, 9, 20, 40):
            errors = judge_counts(pairs[:used], cluster_ids(pairs[:used]), GATE)[0].verdict
            open_ = not (ends.fail[job] <= used or ends.passed[job] <= used)
            if open_:
                assert not errors.failed
                assert errors.undecided
            elif ends.fail[job] == used:
                assert errors.failed
            elif ends.passed[job] == used:
                assert not errors.failed
                assert not errors.undecided


def _pair(drawn: Drawn, job: int, at: int) -> Pair:
    runs = [
        replace(
            REFERENCE,
            load=replace(REFERENCE.load, planned=drawn.due, errors=int(drawn.failed[arm, job, at])),
        )
        for arm in (0, 1)
    ]
    return pair_of(runs[0], runs[1], at)
