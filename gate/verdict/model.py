"""What a verdict consists of.  Changes are relative (0.05 = 5% slower), times in ns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gate.errors import Exit, Reason

__all__ = ["Attribution", "MetricVerdict", "Outcome", "StageShare", "Verdict"]


class Outcome(str, Enum):
    """The closed list of verdicts; ``exit_code`` maps it to the process's exit code."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    NO_BASELINE = "no_baseline"

    @property
    def exit_code(self) -> Exit:
        """Exit code of the contract."""
        return {
            Outcome.PASS: Exit.PASS,
            Outcome.REGRESSION: Exit.REGRESSION,
            Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
            Outcome.INVALID: Exit.INVALID,
            Outcome.NO_BASELINE: Exit.NO_BASELINE,
        }[self]


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One gated quantile, or the CPU time per request (``quantile`` is None).

    ``baseline_ns`` and ``candidate_ns`` are medians over the pairs (NaN without samples);
    ``change`` is the Hodges-Lehmann estimate as a ratio minus 1; ``ci_low``/``ci_high`` its 95%
    interval (infinite ends while the pairs cannot bound it); ``evidence_fail`` and
    ``evidence_pass`` the e-values (for a stored comparison: NaN); ``needed_fail`` and
    ``needed_pass`` the thresholds they are held against; ``mde`` the smallest change that this
    much data could have found (infinite when none); ``further_pairs`` how many more pairs would
    decide this metric (0 when decided, None when not within reach).
    """

    name: str
    stage: str
    quantile: float | None
    tolerance: float
    failure: float
    baseline_ns: float
    candidate_ns: float
    change: float
    ci_low: float
    ci_high: float
    evidence_fail: float
    evidence_pass: float
    needed_fail: float
    needed_pass: float
    mde: float
    further_pairs: int | None
    verdict: Outcome


@dataclass(frozen=True, slots=True)
class StageShare:
    """One stage's part of a change: mean ns per exchange in each arm, and share of the change."""

    stage: str
    baseline_ns: float
    candidate_ns: float
    share: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where a slice of the distribution got slower.

    ``slice`` is "middle" (25-75%), "slowest 10%" or "slowest 1%"; ``delta_ns`` the change of the
    mean ``service`` time in it; ``shares`` sum to 1 when ``stage`` is named.  ``stage`` is None
    when no stage carries the change consistently over the pairs ("not attributable").
    """

    slice: str
    delta_ns: float
    shares: tuple[StageShare, ...]
    stage: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a comparison; ``reasons`` are closed codes with text for people."""

    outcome: Outcome
    reasons: tuple[tuple[Reason, str], ...]
    metrics: tuple[MetricVerdict, ...] = ()
    attribution: tuple[Attribution, ...] = ()
    pairs: int = 0
    further_pairs: int | None = None
