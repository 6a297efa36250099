"""Error rates and power of the tests for failed requests and capacity, looking after every pair.

Failed requests come one by one at a rate, or in bursts: with a probability of its own each run of
either arm has one, of a size that differs from run to run.  A job passes at the first look from
`METRICS_PASS` on, when its metrics are decided, at which its counts do not hold it up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from socklat_gate.scenario import Gate
from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.count_jobs import errors_decide, overload_decides

__all__ = ["Drawn", "Ends", "bursts", "ends_of", "one_by_one", "report"]

GATE = Gate()
METRICS_PASS = 5
"""Pairs after which the metrics of an unchanged job have passed at the earliest."""

BURST = 300.0
LOADS = {"1000/s, 8 s": 8000, "250/s, 8 s": 2000, "250/s, 3 s": 750}


@dataclass(frozen=True)
class Drawn:
    """Failed requests (2, jobs, pairs) of baseline and candidate, of ``due`` a run."""

    failed: Floats
    due: int


@dataclass(frozen=True)
class Ends:
    """Pair at which each job fails or passes, inf when not before the other; shape (jobs,)."""

    fail: Floats
    passed: Floats


def one_by_one(
    rng: np.random.Generator, jobs: int, due: int, baseline: float, candidate: float
) -> Drawn:
    """Each request fails by itself with the probability of its arm."""
    shape = (jobs, GATE.max_pairs)
    return Drawn(np.array([rng.binomial(due, p, shape) for p in (baseline, candidate)], float), due)


def bursts(
    rng: np.random.Generator,
    jobs: int,
    due: int,
    baseline: float,
    candidate: float,
    alike: int = 0,
) -> Drawn:
    """A run has a burst with the probability of its arm; sizes are exponential around `BURST`.

    With ``alike``, all bursts have that size.
    """
    shape = (jobs, GATE.max_pairs)
    failed = [
        (rng.random(shape) < p) * (alike or np.ceil(rng.exponential(BURST, shape)))
        for p in (baseline, candidate)
    ]
    return Drawn(np.minimum(np.array(failed), due), due)


def ends_of(drawn: Drawn) -> Ends:
    """What `verdict.counts` decides after each pair, for all jobs at once."""
    due = np.full(drawn.failed.shape, float(drawn.due))
    fails, waits = errors_decide(drawn.failed, due, GATE)
    fail = _first(fails)
    passed = _first(~waits & (np.arange(1, fails.shape[-1] + 1) >= METRICS_PASS))
    return Ends(np.where(fail <= passed, fail, np.inf), np.where(passed < fail, passed, np.inf))


def capacity_fails(
    rng: np.random.Generator, jobs: int, baseline: float, candidate: float
) -> Floats:
    """Pair at which each job fails when a run is overloaded with the probability of its arm."""
    shape = (jobs, GATE.max_pairs)
    overloaded = np.array([rng.random(shape) < p for p in (baseline, candidate)], float)
    return _first(overload_decides(overloaded, GATE)[0])


def report(jobs: int, seed: int) -> list[str]:
    """Markdown: false alarms, false passes and power."""
    rng = np.random.default_rng(seed)
    lines = [
        "## Failed requests",
        "",
        f"Outcome of jobs of {GATE.max_pairs} pairs by errors alone; metrics pass from pair "
        f"{METRICS_PASS} on. Without a change at most {GATE.alpha_count:.2%}, the errors' part of "
        "alpha, may fail. Undecided are jobs that errors keep from a pass to the end.",
        "",
        "| requests | fail in the baseline | in the candidate | regression | pass | undecided | "
        "median pairs to FAIL |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, due in LOADS.items():
        for theirs, ours in (
            *((p, p) for p in (0.0, 1e-4, 5e-4, 1e-3, 1e-2)),
            *((0.0, p) for p in (5e-4, 9e-4, 1e-2, 5e-2)),
            (1e-3, 2e-3),
        ):
            ends = ends_of(one_by_one(rng, jobs, due, theirs, ours))
            lines.append(_row(f"{name} | {_percent(theirs)} | {_percent(ours)}", ends))
    lines += [
        "",
        f"Bursts of {BURST:g} failed requests (exponential), by the share of the runs that have "
        "one.",
        "",
        "| requests | baseline's runs | candidate's runs | regression | pass | undecided | "
        "median pairs to FAIL |",
        "|---|---|---|---|---|---|---|",
    ]
    due = LOADS["1000/s, 8 s"]
    for theirs, ours in (*((q, q) for q in (0.02, 0.1, 0.3, 0.5, 0.8)), (0, 0.1), (0, 0.3), (0, 1)):
        ends = ends_of(bursts(rng, jobs, due, theirs, ours))
        lines.append(_row(f"1000/s, 8 s | {theirs:.0%} | {ours:.0%}", ends))
    for size in (2, 5):  # so few that their likeness is not seen as bunching
        ends = ends_of(bursts(rng, jobs, due, 0.3, 0.3, alike=size))
        lines.append(_row(f"1000/s, 8 s, bursts of just {size} | 30% | 30%", ends))
    lines += [
        "",
        "## Capacity",
        "",
        "Share of the jobs that fail, by the share of the runs in which an arm cannot carry its "
        "load.",
        "",
        "| baseline | candidate | regression | median pairs to FAIL |",
        "|---|---|---|---|",
    ]
    for theirs, ours in (*((q, q) for q in (0.02, 0.2, 0.5)), (0.0, 0.5), (0.1, 0.9), (0.0, 1.0)):
        fail = capacity_fails(rng, jobs, theirs, ours)
        failed = np.isfinite(fail).mean()
        lines.append(f"| {theirs:.0%} | {ours:.0%} | {failed:.2%} | {_median(fail)} |")
    return [*lines, ""]


def _row(name: str, ends: Ends) -> str:
    failed, passed = (float(np.isfinite(at).mean()) for at in (ends.fail, ends.passed))
    rest = abs(1.0 - failed - passed)
    return f"| {name} | {failed:.2%} | {passed:.1%} | {rest:.1%} | {_median(ends.fail)} |"


def _median(fail: Floats) -> str:
    middle = float(np.median(fail))
    return f"{middle:.0f}" if math.isfinite(middle) else "-"


def _percent(share: float) -> str:
    return f"{100 * share:g}%"


def _first(reached: np.ndarray) -> Floats:
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
