"""Whether the candidate's containers grow with their age: a leak, a cache without end, a long list.

Each container of the watch has a change for each minute of its life (`verdict.growth_scores`).  The
candidate must grow by more than the baseline and `GROWTH_TOLERANCE`, or a waiver's ceiling: that is
taken off its changes, a shift of the null hypothesis as in metrics.  What is left of both arms is
put on the pooled scale, centre and median absolute deviation of all containers together, which does
not look at labels; it is clipped at `MOST`; and the evidence is the permutation e-value over
containers (`verdict.watch_permutation`).

Looks are made at the fixed times `LOOKS_S` of the watch, each with the same weight; their sum never
falls and its mean is at most 1, so that Markov's inequality holds at all times at once (see
`verdict.watch_evidence`).  Before containers are two minutes old it says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact, Scalar
from socklat_gate.measured.names import GROWTH
from socklat_gate.measured.stop_verdict import GROWTH_TOLERANCE, Grown, GrowthVerdict
from socklat_gate.measured.watch import Watch
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.growth_scores import Growth, growth_at, watched_s
from socklat_gate.verdict.interval import confidence_interval
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.watch_permutation import log_e_values
from socklat_gate.verdict.zone import waiver_in_force

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Waiver

__all__ = [
    "GROWN",
    "LOOKS_S",
    "JudgedGrowth",
    "Looks",
    "growth_name",
    "growth_open",
    "judge_growth",
    "log_looks",
]

GROWN: tuple[Grown, ...] = get_args(Grown)

PARTS = {"response": 0.5, "cpu": 0.25, "memory": 0.25}
"""Of the part of alpha that growth has."""

LOOKS_S = (150.0, 195.0, 240.0, 300.0, 420.0, 600.0, 1200.0, 3600.0)
"""Seconds of the watch."""

MOST = 2.0
"""On the pooled scale, in standard deviations of normal noise."""

AGAINST = 4.0
"""Evidence at the look of a pass above which it waits; equal arms in at most a quarter of looks."""

LEAST_SCALE = 1e-4
"""For each minute: containers that differ by less are alike."""


@dataclass(frozen=True, slots=True)
class JudgedGrowth:
    """The verdict by itself, and the log evidence after each look, ``times_ns``.

    ``now`` is that of the end of the watch alone (minus infinity: nothing is known yet).
    """

    verdict: GrowthVerdict
    times_ns: Floats
    log_evidence: Floats
    now: float

    def log_evidence_at(self, times_ns: Sequence[int]) -> Floats:
        """At moments of CLOCK_MONOTONIC; nothing before the first look."""
        place = np.searchsorted(self.times_ns, np.asarray(times_ns, dtype=float), side="right")
        return np.asarray(np.concatenate(([-np.inf], self.log_evidence))[place])


def judge_growth(
    watch: Watch, alpha: float, waived: Mapping[str, Waiver] | None = None
) -> list[JudgedGrowth]:
    """Of each of `GROWN`; ``alpha`` is the part that all of them have together.

    A waiver of ``growth`` is one of each that has none of its own, ``growth_memory`` say.
    """
    given = waived or {}
    return [
        _judge(watch, what, PARTS[what] * alpha, given.get(growth_name(what)) or given.get(GROWTH))
        for what in GROWN
    ]


def growth_name(what: Grown) -> str:
    """In waivers and among strands: ``growth_response``."""
    return f"{GROWTH}_{what}"


def growth_open(judged: Sequence[JudgedGrowth]) -> ReasonFact | None:
    """Why a pass waits: something may grow, and it is not shown yet."""
    most = max(judged, key=lambda one: one.now, default=None)
    if most is None or not most.verdict.undecided:
        return None
    numbers: dict[str, Scalar] = {"evidence": as_e_value(most.now), "limit": AGAINST}
    return ReasonFact(Reason.WATCH_OPEN, growth_name(most.verdict.what), numbers)


@dataclass(frozen=True, slots=True)
class Looks:
    """Seconds since the first container was watched, and the logarithm of the e-value then."""

    times_s: Floats
    log_e: Floats


def log_looks(watch: Watch, what: Grown, tolerance: float | None = None) -> Looks:
    """At those of `LOOKS_S` that have come; minus infinity where nothing is known yet."""
    accepted = GROWTH_TOLERANCE[what] if tolerance is None else tolerance
    begin_ns, length_s = watched_s(watch)
    times = np.array([look for look in LOOKS_S if look <= length_s])
    logs = [_log_look(growth_at(watch, what, begin_ns + time * 1e9), accepted) for time in times]
    return Looks(times, np.array(logs))


def _judge(watch: Watch, what: Grown, alpha: float, waiver: Waiver | None) -> JudgedGrowth:
    tolerance = GROWTH_TOLERANCE[what] if waiver is None else waiver.ceiling
    begin_ns, length_s = watched_s(watch)
    looks = log_looks(watch, what, tolerance)
    so_far = looks.log_e
    if so_far.size:
        so_far = np.logaddexp.accumulate(so_far) - math.log(len(LOOKS_S))
    now = growth_at(watch, what, begin_ns + length_s * 1e9)
    differences = now.per_minute[1] - now.per_minute[0]
    low, high = confidence_interval(differences)
    log_evidence = float(so_far[-1]) if so_far.size else -math.inf
    theirs, ours = (_median(changes) for changes in now.whole)
    log_now = _log_look(now, tolerance)
    verdict = GrowthVerdict(
        what=what,
        baseline_change=relative(theirs),
        candidate_change=relative(ours),
        change=relative(hodges_lehmann(differences)),
        ci_low=relative(low),
        ci_high=relative(high),
        evidence=as_e_value(log_evidence),
        threshold=1.0 / alpha,
        failed=log_evidence >= -math.log(alpha),
        replicas=differences.size,
        minutes=_median(now.minutes[1]),
        undecided=log_now > math.log(AGAINST),
        waived=waiver_in_force(waiver),
    )
    return JudgedGrowth(verdict, begin_ns + looks.times_s * 1e9, so_far, log_now)


def _log_look(growth: Growth, tolerance: float) -> float:
    """Logarithm of the e-value at one look; minus infinity: nothing is known yet."""
    theirs, ours = growth.per_minute
    if not ours.size:
        return -math.inf
    values = np.concatenate((theirs, ours - math.log1p(tolerance)))
    apart = values - np.median(values)
    scale = max(1.4826 * float(np.median(np.abs(apart))), LEAST_SCALE)
    return float(log_e_values(np.clip(apart / scale, -MOST, MOST), ours.size))


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else math.nan
