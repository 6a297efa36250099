"""CPUs of their own for the two arms of a pair, where the machine has enough.

In one queue both arms wait for each other: at 70% load a candidate with 30% more work showed +3% of
p99 where alone it was +57%.  So where ``service.cpuset`` says nothing, each arm gets a set of its
own, and a recorded coin says which (`starting_order`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.load.cpuset import parse_cpuset
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario

__all__ = ["ArmCpus", "arm_cpus", "usable_cores"]

TAIL = 0.9
"""From this quantile on a latency is mostly a matter of queues."""

_TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class ArmCpus:
    """``scenario`` as its arms are started side by side, and what the reports say of it.

    ``each`` is how many CPUs an arm got of its own by default (0: none).
    """

    scenario: Scenario
    each: int = 0
    notes: tuple[Note, ...] = ()


def usable_cores() -> list[tuple[int, ...]]:
    """The CPUs that this process may use, those of one core together, in order."""
    usable = os.sched_getaffinity(0)
    cores = {tuple(sorted(_siblings(cpu) & usable)) or (cpu,) for cpu in usable}
    return sorted(cores)


def arm_cpus(scenario: Scenario, cores: Sequence[Sequence[int]]) -> ArmCpus:
    """Two sets of equal size from ``cores``; one CPU at least stays free, for load and machine.

    CPUs of ``load.cpuset`` belong to no set, and count as the free ones.  No core is in both sets
    where another choice is there.  A scenario that names CPUs for the service keeps those, and so
    does one whose arms run one after the other, or may use more CPUs (``service.cpus``) than a set
    has.
    """
    service, gate = scenario.service, scenario.gate
    if gate.interleave == "block" or isinstance(service.cpuset, list) or not gate.compared:
        return ArmCpus(scenario)
    if service.cpuset is not None:
        return _shared(scenario, "given", cpus=len(parse_cpuset(service.cpuset)))
    of_load = parse_cpuset(scenario.load.cpuset) if scenario.load.cpuset else frozenset()
    cpus = [cpu for core in cores for cpu in core if cpu not in of_load]
    size = (len(cpus) - (not of_load)) // 2
    if size < 1:
        return _shared(scenario, "few", cpus=sum(map(len, cores)))
    if service.cpus is not None and service.cpus > size:
        return _shared(scenario, "limit", cpus=service.cpus, each=size)
    sets = [",".join(map(str, sorted(part))) for part in (cpus[:size], cpus[-size:])]
    own = scenario.model_copy(update={"service": service.model_copy(update={"cpuset": sets})})
    return ArmCpus(own, size, (Note(NoteCode.OWN_CPUS, " | ".join(sets)),))


def _shared(scenario: Scenario, why: str, **numbers: float) -> ArmCpus:
    """Said only where it matters to what is judged."""
    quantiles = [metric.quantile or 0.0 for metric in scenario.gate.compared]
    if max(quantiles, default=0.0) < TAIL:
        return ArmCpus(scenario)
    return ArmCpus(scenario, 0, (Note(NoteCode.SHARED_CPUS, why, numbers),))


def _siblings(cpu: int) -> set[int]:
    path = _TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list"
    try:
        return set(parse_cpuset(path.read_text("ascii").strip()))
    except OSError:
        return {cpu}
