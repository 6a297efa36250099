"""The rules of a verdict over pairs, in their order; the first that holds decides.

A rule looks at the `Evidence` and gives a `Decision`, or None where it does not apply.  To add one,
write it and put it into `RULES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import CapacityStudy
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import CAPACITY, CAPACITY_RPS, CONNECTIONS, ERRORS
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import CountVerdict, Outcome, SpikeVerdict
from socklat_gate.verdict.judge import JudgedMetric
from socklat_gate.verdict.limits import JudgedLimit, limit_facts
from socklat_gate.verdict.together import LIMIT, Together

__all__ = ["MORE", "RULES", "Decision", "Evidence", "Rule", "exposure_pairs"]

MORE = {
    ERRORS: Reason.MORE_ERRORS,
    CAPACITY: Reason.LESS_CAPACITY,
    CONNECTIONS: Reason.MORE_CONNECTIONS,
}
"""The reason that a failed count gives, by its name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules decide by: ``judged`` metrics and ``spikes`` (None: not judged).

    ``pairs`` were used.  ``overlaps`` has a fact for each arm whose requests overlapped too often.
    ``exposure_pairs`` are further pairs until the exposure to spikes is as long as a pass needs,
    ``starts_pairs`` until the candidate was started as often as a pass by blocks needs.
    ``counts`` are judged beside; ``differences`` has a fact for each way in which the arms'
    responses differ, ``clients`` one for each quantile that the load driver's own times speak
    against.  ``limits`` are the absolute limits that the candidate is held to.  ``together`` is how
    all of it stands, and ``to_fail`` further pairs until it fails.  ``unseen`` has a fact for each
    named request without exchanges in an arm.  ``carried`` are the rounds of staircases (None: not
    judged).  ``stops`` and ``growth`` are what the watch shows (None, empty: no fleet was up), and
    ``watch_open`` is why a pass waits for it (None: it does not).
    """

    judged: Sequence[JudgedMetric]
    spikes: SpikeVerdict | None
    overlaps: Sequence[ReasonFact]
    exposure_pairs: int
    pairs: int
    counts: Sequence[CountVerdict] = ()
    differences: Sequence[ReasonFact] = ()
    limits: Sequence[JudgedLimit] = ()
    clients: Sequence[ReasonFact] = ()
    together: Together | None = None
    to_fail: int | None = None
    unseen: Sequence[ReasonFact] = ()
    carried: CapacityStudy | None = None
    starts_pairs: int = 0
    stops: StopVerdict | None = None
    growth: Sequence[GrowthVerdict] = ()
    watch_open: ReasonFact | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule decides; ``pairs_to_decide`` as in `Verdict`, no reasons for an open verdict."""

    outcome: Outcome
    reasons: tuple[ReasonFact, ...] = ()
    pairs_to_decide: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A name for messages and tests, and what decides."""

    name: str
    decide: Callable[[Evidence], Decision | None]


def _overlap(evidence: Evidence) -> Decision | None:
    """Times of overlapping requests are approximate: nothing is judged by them."""
    if not evidence.overlaps:
        return None
    return Decision(Outcome.INCONCLUSIVE, tuple(evidence.overlaps))


def _regression(evidence: Evidence) -> Decision | None:
    """Any metric that failed, a limit, spikes, stops, growth or a count.

    How responses differ goes with it.  Where only all of it together failed, that is the reason.
    """
    reasons = [
        ReasonFact(Reason.REGRESSION, one.verdict.name)
        for one in evidence.judged
        if one.verdict.verdict is Outcome.REGRESSION
    ]
    reasons += limit_facts(evidence.limits, Outcome.REGRESSION)
    if evidence.spikes and evidence.spikes.failed:
        reasons.append(ReasonFact(Reason.MORE_SPIKES, evidence.spikes.request))
    if evidence.stops and evidence.stops.failed:
        reasons.append(ReasonFact(Reason.MORE_STOPS))
    reasons += (ReasonFact(Reason.GROWTH, one.what) for one in evidence.growth if one.failed)
    reasons += (ReasonFact(*_more(one)) for one in evidence.counts if one.failed)
    if evidence.carried and evidence.carried.verdict.outcome is Outcome.REGRESSION:
        reasons.append(_carried(evidence.carried))
    together = evidence.together
    if not reasons and together is not None and together.failed:
        reasons.append(_together(together))
    if not reasons:
        return None
    return Decision(Outcome.REGRESSION, (*reasons, *evidence.differences), 0)


def _carried(study: CapacityStudy) -> ReasonFact:
    verdict = study.verdict
    numbers = {"rounds": verdict.rounds, "rounds_to_decide": verdict.rounds_to_decide}
    return ReasonFact(verdict.reason, CAPACITY_RPS, numbers)


def _more(count: CountVerdict) -> tuple[Reason, str]:
    """Its reason, about the named request if it is of one."""
    name = count.name.partition("[")[0]
    return MORE[name], count.name if count.request else ""


def _together(together: Together) -> ReasonFact:
    numbers = {"evidence": together.evidence, "threshold": together.threshold}
    # A metric that is limited as well is told once.
    most = dict.fromkeys(name.removeprefix(LIMIT) for name in together.most)
    return ReasonFact(Reason.REGRESSION_TOGETHER, ", ".join(most), numbers)


def _unseen(evidence: Evidence) -> Decision | None:
    """A request that never came to an arm was not compared, whatever the rest shows."""
    if not evidence.unseen:
        return None
    return Decision(Outcome.INCONCLUSIVE, tuple(evidence.unseen))


def _differing_responses(evidence: Evidence) -> Decision | None:
    """What responds otherwise does something else: faster is no improvement there."""
    if not evidence.differences:
        return None
    return Decision(Outcome.INCONCLUSIVE, tuple(evidence.differences))


def _undecided_metric(evidence: Evidence) -> Decision | None:
    """A metric that has neither failed nor passed."""
    if all(one.verdict.verdict is Outcome.PASS for one in evidence.judged):
        return None
    return Decision(Outcome.INCONCLUSIVE, pairs_to_decide=_pairs_to_decide(evidence))


def _undecided_count(evidence: Evidence) -> Decision | None:
    """A pass waits while the candidate has more of a count than can be left out of account."""
    open_ = [one for one in evidence.counts if one.undecided]
    if not open_:
        return None
    ways = [_pairs_to_fail(one, evidence.pairs) for one in open_]
    nearest = min((n for n in ways if n is not None), default=None)
    facts = tuple(ReasonFact(Reason.COUNTS_UNDECIDED, one.name) for one in open_)
    return Decision(Outcome.INCONCLUSIVE, facts, nearest)


def _undecided_limit(evidence: Evidence) -> Decision | None:
    """A limit that is shown neither to be kept nor to be exceeded."""
    if all(one.verdict.verdict is Outcome.PASS for one in evidence.limits):
        return None
    reasons = limit_facts(evidence.limits, Outcome.INCONCLUSIVE)
    return Decision(Outcome.INCONCLUSIVE, reasons, _pairs_to_decide(evidence))


def _exposure(evidence: Evidence) -> Decision | None:
    """A pass waits until the candidate was watched for spikes long enough."""
    if not (evidence.exposure_pairs and evidence.spikes):
        return None
    numbers = {
        "exposure_s": evidence.spikes.candidate_exposure_s,
        "pairs_to_decide": evidence.exposure_pairs,
    }
    fact = ReasonFact(Reason.INSUFFICIENT_EXPOSURE, numbers=numbers)
    return Decision(Outcome.INCONCLUSIVE, (fact,), evidence.exposure_pairs)


def _few_starts(evidence: Evidence) -> Decision | None:
    """A pass by blocks waits for as many starts as are met by a candidate that is slow in some."""
    if not evidence.starts_pairs:
        return None
    return Decision(Outcome.INCONCLUSIVE, pairs_to_decide=_pairs_to_decide(evidence))


def _raw_slower(evidence: Evidence) -> Decision | None:
    """A pass waits while the raw numbers speak for a regression: what is corrected may be real.

    With equal arms raw evidence is a martingale that begins at 1 and falls, so this costs little.
    """
    worst = max(evidence.judged, key=lambda one: one.raw_evidence, default=None)
    if worst is None or worst.raw_evidence <= 1.0:
        return None
    numbers = {"evidence": worst.raw_evidence}
    fact = ReasonFact(Reason.RAW_SLOWER, worst.verdict.name, numbers)
    return Decision(Outcome.INCONCLUSIVE, (fact,))


def _slower_clients(evidence: Evidence) -> Decision | None:
    """A pass waits while users are slower by what they see themselves."""
    if not evidence.clients:
        return None
    return Decision(Outcome.INCONCLUSIVE, tuple(evidence.clients))


def _watch(evidence: Evidence) -> Decision | None:
    """A pass waits until the replicas were watched long enough, and while they speak against it."""
    if evidence.watch_open is None:
        return None
    return Decision(Outcome.INCONCLUSIVE, (evidence.watch_open,))


def _open_capacity(evidence: Evidence) -> Decision | None:
    """A pass waits for the rounds, which come when nothing else keeps it away."""
    study = evidence.carried
    if study is None or study.verdict.outcome is Outcome.PASS:
        return None
    return Decision(Outcome.INCONCLUSIVE, (_carried(study),))


def _pass(evidence: Evidence) -> Decision:
    compared = evidence.judged or evidence.carried
    code = Reason.NO_REGRESSION if compared else Reason.WITHIN_LIMITS
    fact = ReasonFact(code, numbers={"pairs": evidence.pairs})
    return Decision(Outcome.PASS, (fact,), 0)


RULES = (
    # First, since counts need no times; what overlap makes approximate has not failed then.
    Rule("regression", _regression),
    Rule("overlap", _overlap),
    Rule("differing responses", _differing_responses),
    Rule("unseen requests", _unseen),
    Rule("undecided metric", _undecided_metric),
    Rule("undecided count", _undecided_count),
    Rule("undecided limit", _undecided_limit),
    Rule("exposure", _exposure),
    Rule("few starts", _few_starts),
    Rule("raw slower", _raw_slower),
    Rule("slower clients", _slower_clients),
    Rule("watch", _watch),
    Rule("open capacity", _open_capacity),
    Rule("pass", _pass),
)


def _pairs_to_fail(count: CountVerdict, pairs: int) -> int | None:
    """Further pairs until the evidence reaches its threshold, if it grows on as it did."""
    if count.evidence <= 1.0 or not pairs:
        return None
    grown = math.log(count.evidence) / pairs
    return max(1, math.ceil(math.log(count.threshold) / grown) - pairs)


def _pairs_to_decide(evidence: Evidence) -> int | None:
    """Pairs until all together fail, or the last one passes and the exposure is enough."""
    ways = [evidence.to_fail, *(one.to_fail for one in evidence.judged)]
    to_pass = [
        *(one.to_pass for one in evidence.judged),
        *(one.to_pass for one in evidence.limits),
        evidence.exposure_pairs,
        evidence.starts_pairs,
    ]
    ways.append(None if None in to_pass else max(n for n in to_pass if n is not None))
    return min((n for n in ways if n is not None), default=None)


def exposure_pairs(spikes: SpikeVerdict | None, watch_s: float, pairs: int, most: int) -> int:
    """Further pairs until the candidate's exposure to spikes reaches ``watch_s``.

    They are taken to be as long as the ``pairs`` so far; ``most`` where nothing was watched.
    """
    if spikes is None or spikes.candidate_exposure_s >= watch_s:
        return 0
    per_pair_s = spikes.candidate_exposure_s / max(pairs, 1)
    return math.ceil((watch_s - spikes.candidate_exposure_s) / per_pair_s) if per_pair_s else most
