"""Whether the candidate's capacity is below the baseline's, by rounds on fresh containers.

The unit is the round: d_i = ln(baseline_i / candidate_i), the loss.  Which arm is tried first is a
coin, so that d_i is sign-symmetric for equal arms, and the evidence is that of `verdict.evidence`
with the zone (tolerance, threshold).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import CapacityLimits, CapacityRound, CapacityVerdict
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import as_e_value, fail_evidence, pass_evidence
from socklat_gate.verdict.interval import confidence_interval, stopping_level

__all__ = ["DRIVER_SHARE", "judge_capacity"]

DRIVER_SHARE = 0.5
"""From this share of the failed steps on, the driver was what could not go on."""


def judge_capacity(
    rounds: Sequence[CapacityRound], limits: CapacityLimits, *, differ: bool = False
) -> CapacityVerdict:
    """The verdict after ``rounds``.

    Inconclusive while undecided (BUDGET_MINUTES, for a job that ends there), and in place of a pass
    where mostly the load driver was at its end (LOAD_NOT_DELIVERED): the arms' own capacities are
    above what was tried then.  ``differ``: the arms respond otherwise at rates that they carry,
    which keeps a pass away (ANSWERS_DIFFER): an error page costs less than a page.
    """
    d = np.log([r.baseline_rps / r.candidate_rps for r in rounds])
    # A loss of 5% leaves 95%: on the log scale of baseline / candidate.
    d0, d1 = -math.log1p(-limits.tolerance), -math.log1p(-limits.threshold)
    fail = as_e_value(fail_evidence(d, d0, d1 - d0))
    passing = as_e_value(pass_evidence(d, d1, d1 - d0))
    threshold_fail, threshold_pass = 1 / limits.alpha, 1 / limits.alpha_pass
    outcome, reason = Outcome.INCONCLUSIVE, Reason.BUDGET_MINUTES
    if fail >= threshold_fail:
        outcome, reason = Outcome.REGRESSION, Reason.LESS_CAPACITY
    elif passing >= threshold_pass and fail <= 1:
        outcome, reason = Outcome.PASS, Reason.NO_REGRESSION
        if _driver_limited(rounds):
            outcome, reason = Outcome.INCONCLUSIVE, Reason.LOAD_NOT_DELIVERED
        elif differ:
            outcome, reason = Outcome.INCONCLUSIVE, Reason.ANSWERS_DIFFER
    level = stopping_level(d.size, threshold_fail, failed=outcome is Outcome.REGRESSION)
    low, high = confidence_interval(d, level) if d.size else (-math.inf, math.inf)
    middle = hodges_lehmann(d)
    return CapacityVerdict(
        outcome=outcome,
        reason=reason,
        rounds=len(rounds),
        baseline_rps=_geometric([r.baseline_rps for r in rounds]),
        candidate_rps=_geometric([r.candidate_rps for r in rounds]),
        change=math.expm1(-middle),
        ci_low=math.expm1(-high),
        ci_high=math.expm1(-low),
        evidence_fail=fail,
        evidence_pass=passing,
        threshold_fail=threshold_fail,
        threshold_pass=threshold_pass,
    )


def _driver_limited(rounds: Sequence[CapacityRound]) -> bool:
    failed = sum(r.failed_steps for r in rounds)
    return failed > 0 and sum(r.driver_limited for r in rounds) >= DRIVER_SHARE * failed


def _geometric(rates: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(rates)))) if rates else math.nan
