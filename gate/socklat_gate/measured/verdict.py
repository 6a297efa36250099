"""What a verdict consists of.  Changes are relative (0.05 = 5% slower), times in ns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.capacity import CapacityStudy
from socklat_gate.measured.facts import Note, ReasonFact, Shortfall
from socklat_gate.measured.outcome import Outcome
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.waived import Waived

__all__ = [
    "DISPERSION_LEVEL",
    "STUCK",
    "UNDECIDED",
    "CountVerdict",
    "EvidenceTrace",
    "JointEvidence",
    "LimitVerdict",
    "MetricVerdict",
    "Outcome",
    "SpikeVerdict",
    "Verdict",
    "Waived",
]

DISPERSION_LEVEL = 0.2
"""Runs count as over-dispersed below this p-value: a false alarm there costs only some power."""


UNDECIDED = frozenset(
    {
        Reason.BUDGET_PAIRS,
        Reason.BUDGET_MINUTES,
        Reason.BETWEEN_LIMITS,
        Reason.INSUFFICIENT_EXPOSURE,
        Reason.LIMIT_NOT_SHOWN,
        Reason.COUNTS_UNDECIDED,
        Reason.CAPACITY_UNDECIDED,
        Reason.WATCH_OPEN,
    }
)
"""Reasons which say that the budget was not enough, and nothing else."""

STUCK = frozenset({"silent", "waited", "lost", "at_once"})
"""Numbers of `WATCH_OPEN` that no longer watch takes away.

So many replicas of the candidate do not respond, had requests that waited for a connection, lost
connections, or stopped at the same moment.
"""


@dataclass(frozen=True, slots=True)
class EvidenceTrace:
    """The evidence as it grew: one element a cluster (a pair, or the pairs of one start), in order.

    ``pairs`` are the indices of the clusters' last pairs, ``change`` the clusters' own changes
    (ratio minus 1), ``fail`` and ``passing`` the e-values after each cluster.  All empty where
    nothing was measured side by side, and in documents that are older than this field.
    """

    pairs: tuple[int, ...] = ()
    change: tuple[float, ...] = ()
    fail: tuple[float, ...] = ()
    passing: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class JointEvidence:
    """The weighted mean of the e-values of all that is judged: metrics, limits, counts and spikes.

    ``evidence`` is the largest so far; the job fails at ``threshold``, 1 / alpha.  ``trace`` is how
    it grew, after each cluster; ``pairs`` are the indices of the clusters' last pairs.
    """

    evidence: float
    threshold: float
    pairs: tuple[int, ...] = ()
    trace: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One gated quantile, or a number of the container (``quantile`` is None).

    ``tolerance`` and ``regression_threshold`` are the zone that was judged, moved up where
    ``waived`` says so. ``baseline_ns`` and ``candidate_ns`` are medians over the pairs (NaN without
    samples), of stage ``memory`` in bytes; ``change`` is the Hodges-Lehmann estimate as a ratio
    minus 1; ``ci_low``/``ci_high`` its interval, which holds the true change at all looks together
    and cannot contradict the verdict (`verdict.confidence_sequence`; infinite ends while the pairs
    cannot bound it);
    ``evidence_fail`` and ``evidence_pass`` the e-values (for a stored comparison: NaN);
    ``threshold_fail`` and ``threshold_pass`` the thresholds they are held against, the first being
    what this metric alone would need (beside others that got slower it takes less, see
    `verdict.together`); ``mde`` the change that half of the jobs with this budget and noise would
    have failed by it alone (infinite when none, or while the noise is not known);
    ``pairs_to_decide`` how many more pairs would decide this metric (0 when decided, None when not
    within reach).
    ``raw_baseline_ns``, ``raw_candidate_ns`` and ``raw_change`` are the same estimates of all
    exchanges, stalls included (NaN without a correction, and the baseline's and the change's in a
    stored comparison); ``trace`` is how the evidence grew; ``shortfalls`` are what the metric
    lacks to be judged.  ``evidence_improved`` mirrors ``evidence_fail``: the e-value against "the
    change is not below minus the tolerance" (NaN where none was formed); ``improved`` when it
    reached ``threshold_pass`` and the interval is below that, or a stored comparison shows as much.
    It never fails anything.
    ``request`` is the named request whose exchanges alone are judged ("": all).
    """

    name: str
    stage: str
    quantile: float | None
    tolerance: float
    regression_threshold: float
    baseline_ns: float
    candidate_ns: float
    change: float
    ci_low: float
    ci_high: float
    evidence_fail: float
    evidence_pass: float
    threshold_fail: float
    threshold_pass: float
    mde: float
    pairs_to_decide: int | None
    verdict: Outcome
    waived: Waived | None = None
    raw_baseline_ns: float = math.nan
    raw_candidate_ns: float = math.nan
    raw_change: float = math.nan
    trace: EvidenceTrace = EvidenceTrace()
    shortfalls: tuple[Shortfall, ...] = ()
    evidence_improved: float = math.nan
    improved: bool = False
    request: str = ""


@dataclass(frozen=True, slots=True)
class LimitVerdict:
    """One quantile held to an absolute limit, by the candidate's runs alone.

    Of a number of the container ``quantile`` is None, and it is the median of its starts that is
    held to the limit; of stage ``memory`` all that is in ns is in bytes.
    ``candidate_ns`` is the quantile of all its exchanges together (NaN without any), ``ci_low_ns``
    and ``ci_high_ns`` the 95% interval of the level that its ``runs`` (clusters) scatter about (0
    and infinite while these cannot bound it).  The evidence
    are e-values: ``evidence_fail`` that it is above ``limit_ns``, ``evidence_pass`` that it is
    below, each beside the threshold that it is held against; see `verdict.limits`.
    ``request`` is the named request whose exchanges alone are meant ("": all).
    """

    name: str
    stage: str
    quantile: float | None
    limit_ns: float
    candidate_ns: float
    ci_low_ns: float
    ci_high_ns: float
    evidence_fail: float
    evidence_pass: float
    threshold_fail: float
    threshold_pass: float
    runs: int
    verdict: Outcome
    shortfalls: tuple[Shortfall, ...] = ()
    request: str = ""


@dataclass(frozen=True, slots=True)
class SpikeVerdict:
    """Rare spikes: events of at least ``threshold_ns``, and whether the candidate has more.

    Exposures are seconds of measurement.  The reference is the baseline arm; those of the stored
    campaigns (``stored_events`` in ``stored_exposure_s``) are for comparison.  ``rate_ratio`` is
    candidate / reference with half an event added to both (NaN without exposure).  ``evidence`` is
    the e-value, the largest so far, that the candidate's rate is above
    ``tolerance_ratio`` times the reference's; it fails at ``threshold``; ``p_value`` is
    1 / evidence, at most 1.  ``by_runs``: not events but runs were compared, by which of a pair
    has more, since they differ by more than Poisson (``dispersion_p``) or have several events each.
    ``mde_events`` is the minimum detectable effect: how many candidate events, in as many runs,
    would have failed beside this reference (None: none would), ``mde_ratio`` the rate ratio at
    which they are expected (infinite: none).
    ``notes`` are on what could not be counted.  ``stage`` is where the candidate's spent most of
    their time, "" where they had no such stage; ``request`` the named request that most of those
    which the candidate has more were responses to, "" where none stands out.
    """

    threshold_ns: float
    baseline_events: int
    candidate_events: int
    baseline_exposure_s: float
    candidate_exposure_s: float
    stored_events: int
    stored_exposure_s: float
    rate_ratio: float
    tolerance_ratio: float
    evidence: float
    threshold: float
    p_value: float
    by_runs: bool
    dispersion_p: float
    mde_events: int | None
    mde_ratio: float
    failed: bool
    notes: tuple[Note, ...] = ()
    waived: Waived | None = None
    stage: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class CountVerdict:
    """Something counted in both arms, and whether the candidate has more of it.

    ``name`` is ``errors`` (failed requests of those that were due), ``capacity`` (pairs in which
    the arm could not carry its load, of all pairs) or ``connections`` (opened, of requests due);
    ``errors[cart]`` are those of the named ``request`` alone ("": all).
    ``evidence`` is the e-value, the largest so far, that the candidate has more than tolerated; it
    fails at ``threshold`` alone, and at less beside other evidence (`verdict.together`).
    ``by_runs``: not single events but pairs were compared, by which arm has more. ``undecided``:
    more is neither shown nor can it be left out of account, so that a pass waits. ``mde_count`` is
    the minimum detectable effect of errors: how many of the candidate's, spread evenly over as many
    pairs, would have failed beside this baseline (None: no number would, or not known).
    """

    name: str
    baseline_count: int
    baseline_total: int
    candidate_count: int
    candidate_total: int
    evidence: float
    threshold: float
    failed: bool
    by_runs: bool = False
    undecided: bool = False
    waived: Waived | None = None
    mde_count: int | None = None
    request: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a comparison; ``reasons`` are facts, which `wording.reasons` puts into words.

    ``spikes`` is None when rare spikes are not judged; ``limits`` are metrics with ``limit_ms``,
    ``counts`` what else is counted and judged.  Documents older than these two have neither.
    ``capacity`` are staircases of both arms (None: no metric asks for them, or an older document).
    ``together`` is the evidence of all of them (None: stored numbers, or an older document).
    ``pairs`` were used and ``pairs_to_decide`` more are expected to decide; where ``containers`` of
    each arm ran at the same time (k of k + k), they are blocks, which count once each.  ``stops``
    and ``growth`` are what the watch shows (None, empty: no fleet was up).
    """

    outcome: Outcome
    reasons: tuple[ReasonFact, ...]
    metrics: tuple[MetricVerdict, ...] = ()
    attribution: tuple[Attribution, ...] = ()
    pairs: int = 0
    pairs_to_decide: int | None = None
    spikes: SpikeVerdict | None = None
    limits: tuple[LimitVerdict, ...] = ()
    counts: tuple[CountVerdict, ...] = ()
    together: JointEvidence | None = None
    capacity: CapacityStudy | None = None
    containers: int = 1
    stops: StopVerdict | None = None
    growth: tuple[GrowthVerdict, ...] = ()

    @property
    def only_undecided(self) -> bool:
        """Whether it is inconclusive only because the budget was not enough.

        Everything could be judged then, and more of the same would decide.  Any other reason beside
        those means that something could not be judged at all.
        """
        codes = {fact.code for fact in self.reasons}
        if self.stops is not None and math.isinf(self.stops.missing_s):
            return False  # no replica is up: no budget would be enough
        awaited = [fact for fact in self.reasons if fact.code is Reason.WATCH_OPEN]
        if any(STUCK & fact.numbers.keys() for fact in awaited):
            return False
        return self.outcome is Outcome.INCONCLUSIVE and bool(codes) and codes <= UNDECIDED
