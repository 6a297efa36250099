"""Whether stalls of a run follow the requests of one arm: by what its scenario leaves to a coin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from socklat_gate.measured.records import Records
from socklat_gate.scenario import Scenario
from socklat_gate.stalls.labels import Evidence, Weighed, coin_evidence, evidence_of_pair, weigh

__all__ = ["StallLabels", "labels_of"]


@dataclass(frozen=True, slots=True)
class StallLabels:
    """The ``evidence`` of two arms that stalls follow one's requests; of one what is compared."""

    evidence: Evidence = field(default_factory=dict)
    weighed: Weighed = field(default_factory=dict)


def labels_of(
    arms: Sequence[Records],
    stalls: Records,
    cpus: Sequence[int],
    scenario: Scenario,
    from_ns: int,
) -> StallLabels:
    """Of the exchanges of ``arms``, the baseline first; the window begins at ``from_ns``."""
    if len(arms) == 1:
        return StallLabels(weighed=weigh(arms[0], stalls, cpus))
    gate, load = scenario.gate, scenario.load
    baseline, candidate = arms
    # Neither a tool's own schedule nor CPUs of its own were given to an arm request by request.
    if load.driver == "command" or isinstance(scenario.service.cpuset, list):
        weighed = (weigh(arm, stalls, cpus) for arm in (baseline, candidate))
        return StallLabels(evidence_of_pair(*weighed))
    slices = None
    if gate.interleave == "slice":
        begin_ns = from_ns - round(load.warmup_s * 1e9)
        slices = begin_ns, round(gate.slice_ms * 1e6)
    return StallLabels(coin_evidence(baseline, candidate, stalls, cpus, slices))
