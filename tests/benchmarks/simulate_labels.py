"""How soon a helper of one arm's requests is found by the coins, and how often the machine is.

A helper outside of the containers works 10 ms, one piece of work at a time, for 2% of the requests
of the candidate; it is the machine's when it works for both arms' or whenever it likes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from socklat_gate.stalls.labels import coin_evidence
from socklat_gate.stalls.timeline import Timeline
from socklat_gate.stalls.weights import correlated_with_requests
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.correlated_stalls import LIMIT
from tests.benchmarks.markdown import table
from tests.unit.stalls.simulated import MS, Ints, exchanges, stalls_at, steal

__all__ = ["report"]

PAIRS = 6
SHARE = 0.02
HELPS_NS = 10 * MS
AFTER_NS = 50_000
CASES = ((250.0, 3), (250.0, 8), (1000.0, 3), (1000.0, 8))
"""Requests a second of an arm, and seconds a pair."""

Stalls = tuple[Ints, Ints]
Arrivals = tuple[Ints, Ints]
"""When requests come, and whose each is: 1 for the candidate's."""


def drawn(rng: np.random.Generator, rate: float, length_s: int) -> Arrivals:
    count = rng.poisson(2 * rate * length_s)
    at_ns = np.sort(rng.integers(0, length_s * 1000 * MS, count))
    return at_ns, rng.integers(0, 2, count)


def helped(rng: np.random.Generator, arrivals: Arrivals, *, of_both: bool) -> Stalls:
    """When the helper works."""
    at_ns, label = arrivals
    woken = (rng.random(at_ns.size) < SHARE) & ((label == 1) | of_both)
    begins, free = [], 0
    for at in at_ns[woken].tolist():
        begins.append(max(free, at + AFTER_NS))
        free = begins[-1] + HELPS_NS
    return np.array(begins, np.int64), np.array(begins, np.int64) + HELPS_NS


def by_candidate(rng: np.random.Generator, arrivals: Arrivals) -> Stalls:
    return helped(rng, arrivals, of_both=False)


def by_both(rng: np.random.Generator, arrivals: Arrivals) -> Stalls:
    return helped(rng, arrivals, of_both=True)


def by_itself(rng: np.random.Generator, arrivals: Arrivals) -> Stalls:
    return steal(rng, 0.2, 3 * MS, int(arrivals[0][-1]))


def refused_after(
    rng: np.random.Generator,
    rate: float,
    length_s: int,
    disturb: Callable[[np.random.Generator, Arrivals], Stalls],
) -> tuple[float, bool]:
    """Pair after which nothing is corrected, inf if none; and whether a clock tells in the first.

    The clock is `stalls.weights.correlated_with_requests`.
    """
    total: Floats | None = None
    by_clock = False
    for pair in range(1, PAIRS + 1):
        at_ns, label = arrivals = drawn(rng, rate, length_s)
        begins, ends = disturb(rng, arrivals)
        arms = (
            exchanges(at_ns[label == arm], np.zeros_like(at_ns[label == arm])) for arm in (0, 1)
        )
        found = coin_evidence(*arms, stalls_at(begins, ends, "interference"), [0])
        own = np.array([value for row in found.values() for value in row])
        if pair == 1:
            stalls, end_ns = Timeline.of(begins, ends), length_s * 1000 * MS
            by_clock = any(
                correlated_with_requests(at_ns[label == arm], stalls, 0, end_ns) for arm in (0, 1)
            )
        total = own if total is None else total + own
        if np.exp(total).mean() >= LIMIT:
            return pair, by_clock
    return float("inf"), by_clock


def report(jobs: int, seed: int) -> list[str]:
    """Markdown."""
    rows = []
    for name, disturb in (
        ("helper of the candidate", by_candidate),
        ("helper of both arms", by_both),
        ("20% stolen, 3 ms at a time", by_itself),
    ):
        for rate, length_s in CASES:
            rng = np.random.default_rng([seed, int(rate), length_s])
            found = [refused_after(rng, rate, length_s, disturb) for _ in range(jobs)]
            after = np.array([pair for pair, _ in found])
            clock = np.mean([by_clock for _, by_clock in found])
            cells = (f"{np.mean(after <= pairs):.1%}" for pairs in (1, 2, PAIRS))
            rows.append([name, f"{rate:.0f}/s", str(length_s), *cells, f"{clock:.1%}"])
    return [
        "## Stalls that follow one arm's requests",
        "",
        f"Share of {jobs} jobs that judge raw numbers after so many pairs, since the coins of the "
        "requests just before the stalls are not fair. The helper works "
        f"{HELPS_NS // MS} ms for {SHARE:.0%} of the requests. Of the machine's stalls at most "
        f"{1 / LIMIT:.0%} of the jobs may. Last column: what the comparison with a clock finds in "
        "one pair.",
        "",
        table(["stalls", "an arm", "s", "1 pair", "2", f"{PAIRS}", "by a clock, 1 pair"], rows),
        "",
    ]
