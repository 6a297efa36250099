"""The ratio of two arms' capacities: the highest rates at which each keeps its limits."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Arm
from socklat_gate.measured.outcome import Outcome
from socklat_gate.measured.waived import Waived

__all__ = ["CapacityLimits", "CapacityResult", "CapacityRound", "CapacityStudy", "CapacityVerdict"]


@dataclass(frozen=True, slots=True)
class CapacityLimits:
    """When a rate is carried: ``share`` of the requests got a good response ``within_ns``.

    ``within_ns`` 0: not known yet, the first round finds it (`limit_from`).

    Capacities count as equal up to a loss of ``tolerance``, and fail from ``threshold`` on (shares
    of the baseline's); ``alpha`` and ``alpha_pass`` are the error rates of the decision.
    """

    within_ns: int
    share: float
    tolerance: float
    threshold: float
    alpha: float
    alpha_pass: float


@dataclass(frozen=True, slots=True)
class CapacityRound:
    """One staircase of both arms on fresh containers; rates in requests per second.

    ``first`` was tried first at each step, by a coin.  ``driver_limited`` of the ``steps`` that
    were not carried failed while the load driver itself was late; those of the baseline alone are
    counted apart.
    """

    index: int
    seed: int
    first: Arm
    baseline_rps: float
    candidate_rps: float
    steps: int
    failed_steps: int
    driver_limited: int
    duration_s: float
    baseline_failed_steps: int = 0
    baseline_driver_limited: int = 0


@dataclass(frozen=True, slots=True)
class CapacityVerdict:
    """What the rounds show; ``change`` is candidate / baseline - 1, with its interval.

    ``evidence_fail`` and ``evidence_pass`` are e-values beside their thresholds (`verdict.evidence`
    on the logarithms of baseline / candidate), the largest so far.  ``rounds_to_decide`` is how
    many more rounds would decide (0: decided, None: not within reach).
    """

    outcome: Outcome
    reason: Reason
    rounds: int
    baseline_rps: float
    candidate_rps: float
    change: float
    ci_low: float
    ci_high: float
    evidence_fail: float
    evidence_pass: float
    threshold_fail: float
    threshold_pass: float
    rounds_to_decide: int | None = None
    waived: Waived | None = None


@dataclass(frozen=True, slots=True)
class CapacityStudy:
    """Rounds of one job, what they are judged by, and what they show.

    ``limits`` has the zone that was judged, moved up where the verdict is ``waived``.
    """

    limits: CapacityLimits
    rounds: tuple[CapacityRound, ...]
    verdict: CapacityVerdict


@dataclass(frozen=True, slots=True)
class CapacityResult:
    """What ``socklat-gate capacity`` writes."""

    scenario_name: str
    created: str
    commit: str
    seed: int
    baseline_image: str
    candidate_image: str
    limits: CapacityLimits
    rounds: tuple[CapacityRound, ...]
    verdict: CapacityVerdict
    duration_s: float
