"""Whether the candidate's capacity is below the baseline's, by rounds on fresh containers.

The unit is the round: d_i = ln(baseline_i / candidate_i), the loss.  Which arm is tried first is a
coin, so that d_i is sign-symmetric for equal arms, and the evidence is that of `verdict.evidence`
with the zone (tolerance, threshold).  As there, what ever reached its threshold has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import (
    CapacityLimits,
    CapacityRound,
    CapacityStudy,
    CapacityVerdict,
)
from socklat_gate.measured.outcome import Outcome
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.confidence_sequence import LOW_THRESHOLD, Bound, lower_bounds
from socklat_gate.verdict.estimate import hodges_lehmann, pairs_to_decide
from socklat_gate.verdict.evidence import (
    as_e_value,
    running_fail_evidence,
    running_pass_evidence,
)
from socklat_gate.verdict.sample import as_sample
from socklat_gate.verdict.zone import waiver_in_force

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric, Waiver

__all__ = [
    "DRIVER_SHARE",
    "JudgedCapacity",
    "MeasuredCapacity",
    "capacity_limits",
    "judge_capacity",
    "judged_capacity",
]

DRIVER_SHARE = 0.5
"""From this share of the failed steps on, the driver was what could not go on."""


@dataclass(frozen=True, slots=True)
class MeasuredCapacity:
    """The rounds of a gate so far; ``differ``: the arms respond otherwise at rates they carry.

    ``within_ns`` is how long a response may take, 0 while no round has found it.
    """

    rounds: Sequence[CapacityRound] = ()
    within_ns: int = 0
    differ: bool = False


@dataclass(frozen=True, slots=True)
class JudgedCapacity:
    """The rounds with their verdict, its part of alpha, and log evidence to fail after each."""

    study: CapacityStudy
    alpha: float
    running_fail: Floats
    differ: bool

    def settled(self, among: int) -> CapacityStudy:
        """With the verdict beside all that is judged: named with so many (`verdict.together`)."""
        study = self.study
        verdict = judge_capacity(study.rounds, study.limits, differ=self.differ, among=among)
        return replace(study, verdict=replace(verdict, waived=study.verdict.waived))


def capacity_limits(
    metric: Metric, gate: Gate, within_ns: int, waiver: Waiver | None = None
) -> CapacityLimits:
    """What a gate's rounds are judged by; a waiver moves the zone, as wide as before."""
    tolerance, threshold = metric.tolerance, metric.regression_threshold
    if waiver is not None:
        threshold = 1.0 - (1.0 - waiver.ceiling) * (1.0 - threshold) / (1.0 - tolerance)
        tolerance = waiver.ceiling
    assert metric.share is not None, "the scenario gives it a default"
    return CapacityLimits(
        within_ns=within_ns,
        share=metric.share,
        tolerance=tolerance,
        threshold=threshold,
        alpha=gate.alpha_of(metric),
        alpha_pass=gate.alpha_pass,
    )


def judged_capacity(
    measured: MeasuredCapacity | None, gate: Gate, waiver: Waiver | None
) -> JudgedCapacity | None:
    """Of a gate, by itself; None where no metric asks for it.

    Without rounds it is open, which keeps a pass away.
    """
    metric = gate.capacity_metric
    if metric is None:
        return None
    measured = measured or MeasuredCapacity()
    limits = capacity_limits(metric, gate, measured.within_ns, waiver)
    verdict = judge_capacity(measured.rounds, limits, differ=measured.differ)
    verdict = replace(verdict, waived=waiver_in_force(waiver))
    running, _ = _running(measured.rounds, limits)
    study = CapacityStudy(limits, tuple(measured.rounds), verdict)
    return JudgedCapacity(study, limits.alpha, running, measured.differ)


def judge_capacity(
    rounds: Sequence[CapacityRound],
    limits: CapacityLimits,
    *,
    differ: bool = False,
    among: int | None = None,
) -> CapacityVerdict:
    """The verdict after ``rounds``.

    Inconclusive while undecided (CAPACITY_UNDECIDED), and in place of a pass where mostly the load
    driver was at its end (LOAD_NOT_DELIVERED): the arms' own capacities are above what was tried
    then.  ``differ``: the arms respond otherwise at rates that they carry, which keeps a pass away
    (ANSWERS_DIFFER): an error page costs less than a page.  ``among``: with how many it is
    named beside all that is judged, as of `verdict.together` (0: not; None: by itself alone).
    """
    d = _losses(rounds)
    d0, d1 = _zone(limits)
    running_fail, running_pass = _running(rounds, limits)
    log_fail, log_pass = (float(one.max(initial=0.0)) for one in (running_fail, running_pass))
    threshold_fail, threshold_pass = 1 / limits.alpha, 1 / limits.alpha_pass
    failed = log_fail >= math.log(threshold_fail) if among is None else among > 0
    outcome, reason = Outcome.INCONCLUSIVE, Reason.CAPACITY_UNDECIDED
    if failed:
        outcome, reason = Outcome.REGRESSION, Reason.LESS_CAPACITY
    elif rounds and log_pass >= math.log(threshold_pass) and running_fail[-1] <= 0.0:
        outcome, reason = Outcome.PASS, Reason.NO_REGRESSION
        if _driver_limited(rounds):
            outcome, reason = Outcome.INCONCLUSIVE, Reason.LOAD_NOT_DELIVERED
        elif differ:
            outcome, reason = Outcome.INCONCLUSIVE, Reason.ANSWERS_DIFFER
    sample, mirrored, scale = as_sample(d), as_sample(-d), d1 - d0
    excluding = math.log(min(LOW_THRESHOLD, threshold_fail / (among or 1)))
    passed = log_pass >= math.log(threshold_pass)
    low, below = lower_bounds(
        [
            Bound(sample, sample, scale, excluding, d0, log_fail >= excluding),
            Bound(mirrored, mirrored, scale, math.log(threshold_pass), -d1, passed),
        ]
    )
    high = max(low, -below)
    # The interval is of all looks together, so the estimate of all rounds could lie outside it.
    estimate = float(np.clip(hodges_lehmann(d), low, high))
    ways = (
        pairs_to_decide(d, d0, d1 - d0, threshold_fail),
        pairs_to_decide(-d, -d1, d1 - d0, threshold_pass),
    )
    decided = reason is not Reason.CAPACITY_UNDECIDED
    return CapacityVerdict(
        outcome=outcome,
        reason=reason,
        rounds=len(rounds),
        baseline_rps=_geometric([r.baseline_rps for r in rounds]),
        candidate_rps=_geometric([r.candidate_rps for r in rounds]),
        change=math.expm1(-estimate),
        ci_low=math.expm1(-high),
        ci_high=math.expm1(-low),
        evidence_fail=as_e_value(log_fail),
        evidence_pass=as_e_value(log_pass),
        threshold_fail=threshold_fail,
        threshold_pass=threshold_pass,
        rounds_to_decide=0 if decided else min((n for n in ways if n is not None), default=None),
    )


def _losses(rounds: Sequence[CapacityRound]) -> Floats:
    ratios = np.array([r.baseline_rps / r.candidate_rps for r in rounds], dtype=np.float64)
    return np.asarray(np.log(ratios))


def _zone(limits: CapacityLimits) -> tuple[float, float]:
    """A loss of 5% leaves 95%: on the log scale of baseline / candidate."""
    return -math.log1p(-limits.tolerance), -math.log1p(-limits.threshold)


def _running(rounds: Sequence[CapacityRound], limits: CapacityLimits) -> tuple[Floats, Floats]:
    """Logarithms of the evidence to fail and to pass after each round."""
    d, (d0, d1) = _losses(rounds), _zone(limits)
    return running_fail_evidence(d, d0, d1 - d0), running_pass_evidence(d, d1, d1 - d0)


def _driver_limited(rounds: Sequence[CapacityRound]) -> bool:
    """Of both arms together, or of the baseline: what it carries beyond hides a loss."""
    return any(
        sum(failed) > 0 and sum(limited) >= DRIVER_SHARE * sum(failed)
        for failed, limited in (
            ([r.failed_steps for r in rounds], [r.driver_limited for r in rounds]),
            (
                [r.baseline_failed_steps for r in rounds],
                [r.baseline_driver_limited for r in rounds],
            ),
        )
    )


def _geometric(rates: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(rates)))) if rates else math.nan
