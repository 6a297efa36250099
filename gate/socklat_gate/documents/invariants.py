"""What measured objects hold beyond their types; code that reads stored ones relies on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.load_counts import ERROR_KINDS, Answers
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.pair import Pair, containers_of, together
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.run import Run, StallCorrected
from socklat_gate.measured.verdict import EvidenceTrace, JointEvidence
from socklat_gate.measured.watch import Replica, StopUse, Watch

__all__ = ["invariant_violation"]

SERVICE = "service"
COUNTERS = (
    "seen",
    "recorded",
    "filtered",
    "no_response",
    "pending",
    "dropped_map_full",
    "overlapped",
)
END_NS = 1 << 62
"""No CLOCK_MONOTONIC gets so far, in 146 years; sums of two are 64-bit integers."""
MAX_CONTAINERS = 64
"""Of each arm in a block: as many as any probe has slots for."""
MAX_NUMBERS = 1024
"""Of each arm in a watch, those that were replaced among them."""


def invariant_violation(value: object) -> str:
    """What a decoded object should have been but is not; empty when nothing is wrong."""
    check = _CHECKS.get(type(value))
    return check(value) if check else ""


def _missed_by_corrected(corrected: StallCorrected) -> str:
    if corrected.histograms.keys() == corrected.used.keys():
        return ""
    return "the same stages in corrected.histograms and corrected.used"


def _missed_by_answers(answers: Answers) -> str:
    unknown = [kind for kind in answers.errors if kind not in ERROR_KINDS]
    return f"errors of the kinds {', '.join(ERROR_KINDS)}" if unknown else ""


def _missed_by_trace(trace: EvidenceTrace) -> str:
    steps = {len(part) for part in (trace.pairs, trace.change, trace.fail, trace.passing)}
    return "" if len(steps) == 1 else "a trace with as many pairs as numbers of each kind"


def _missed_by_joint(joint: JointEvidence) -> str:
    alike = len(joint.pairs) == len(joint.trace)
    return "" if alike else "joint evidence with as many pairs as numbers"


def _missed_by_pair(pair: Pair) -> str:
    return "" if pair.replica < MAX_CONTAINERS else f"a replica from 0 to {MAX_CONTAINERS - 1}"


def _missed_by_pairs(pairs: Sequence[Pair]) -> str:
    """A block that lacks a container would be judged as if that had never been there."""
    containers = containers_of(pairs)
    for block in together(pairs):
        if [pair.replica for pair in block] != list(range(containers)):
            return f"blocks of {containers} pairs, replicas 0 to {containers - 1} in their order"
        starts = {pair.start for pair in block}
        if containers > 1 and (len(starts) > 1 or None in starts):
            return "one start for the pairs of a block"
        if len({pair.excluded is None for pair in block}) > 1:
            return "blocks that are used or excluded as a whole"
    return ""


def _missed_by_replica(replica: Replica) -> str:
    if replica.number >= MAX_NUMBERS:
        return f"a replica of a number from 0 to {MAX_NUMBERS - 1}"
    moments = (replica.started_ns, replica.from_ns, replica.to_ns)
    spikes = (spike.rx_first_ns + spike.length_ns for spike in replica.spikes)
    slices = (max(part.from_ns, part.to_ns) for part in replica.slices)
    uses = [moment for use in replica.uses for moment in _moments_of_use(use)]
    if max(*moments, *spikes, *slices, *uses) >= END_NS:
        return "a replica with moments that a clock can have"
    if not (replica.started_ns <= replica.to_ns and replica.from_ns <= replica.to_ns):
        return "a replica that was watched after its start"
    begun = [use.rx_first_ns for use in replica.uses]
    if begun != sorted(begun):
        return "a replica whose uses are in the order of time"
    bounds = [at_ns for part in replica.slices for at_ns in (part.from_ns, part.to_ns)]
    return "" if bounds == sorted(bounds) else "a replica with slices that follow one another"


def _moments_of_use(use: StopUse) -> tuple[int, ...]:
    end_ns = use.rx_first_ns + use.length_ns
    return end_ns, use.from_ns, use.to_ns, use.stolen_ns, use.some_stolen_ns


def _missed_by_watch(watch: Watch) -> str:
    """A container in there twice would be two units of evidence."""
    known = {(replica.arm, replica.number) for replica in watch.replicas}
    if len(known) < len(watch.replicas):
        return "a watch with each replica once"
    generations = {(replica.number, replica.generation) for replica in watch.replicas}
    numbers = {replica.number for replica in watch.replicas}
    if len(generations) > len(numbers):
        return "replicas of a number in one generation"
    sizes = Counter(replica.generation for replica in watch.replicas)
    most = max(sizes.values(), default=0)
    return (
        ""
        if most <= 2 * MAX_CONTAINERS
        else f"at most {MAX_CONTAINERS} + {MAX_CONTAINERS} replicas"
    )


def _missed_by_campaign(campaign: Campaign) -> str:
    if not campaign.runs:
        return "a campaign of at least one run"
    if len(campaign.noise) != len(campaign.runs):
        return f"a campaign with the noise of each of its {len(campaign.runs)} runs"
    return ""


def _missed_by_run(run: Run) -> str:
    whole = SERVICE if run.load.streams is None else CLIENT
    if whole not in run.histograms:
        return f"a run with a histogram of {whole!r}"
    absent = [name for name in COUNTERS if name not in run.counters]
    return f"a run with counters {', '.join(absent)}" if absent else ""


_CHECKS: Mapping[type, Callable[[Any], str]] = {
    Run: _missed_by_run,
    StallCorrected: _missed_by_corrected,
    Answers: _missed_by_answers,
    EvidenceTrace: _missed_by_trace,
    JointEvidence: _missed_by_joint,
    Pair: _missed_by_pair,
    GateResult: lambda result: _missed_by_pairs(result.pairs),
    Replica: _missed_by_replica,
    Watch: _missed_by_watch,
    Campaign: _missed_by_campaign,
}
