"""What the first replicas take, and how many there will be for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.job.block_size import Machine
from socklat_gate.job.container_use import ReadyUse, service_cpus
from socklat_gate.job.fleet_size import fleet_size
from socklat_gate.job.memory_left import memory_left_bytes
from socklat_gate.measured.facts import Note, NoteCode, Scalar
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.watch import most_replicas
from socklat_gate.service.free_networks import NetworkRoom

__all__ = ["FleetPlan", "choose", "replicas_note"]


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """``wanted`` replicas of each arm, of which up to ``most`` are started; why not more.

    ``each_bytes`` is what one held when it was ready (None: not known).
    """

    wanted: int
    most: int
    each_bytes: int | None
    note: Note | None


def choose(
    scenario: Scenario, use: ReadyUse, *, up: int, networks: NetworkRoom | None = None
) -> FleetPlan:
    """How many, with ``up`` replicas (of both arms together) running that take ``use`` each.

    ``networks`` as of `fleet_size`.

    Of a number that the scenario gives only memory and networks take anything away, and a pass
    then waits until the fewer ones were watched as long as all of them would have been.
    """
    asked = scenario.gate.watch.replicas
    machine = Machine(memory_left_bytes(), service_cpus(scenario.service))
    if asked != "auto":
        use = ReadyUse(use.memory_bytes, 0.0)
    size = fleet_size(
        use,
        machine,
        most=most_replicas(scenario.gate.watch),
        up=up,
        paired=2 * scenario.gate.containers_at_once,
        most_bytes=scenario.service.memory_bytes,
        chosen=asked == "auto",
        stacks=scenario.service.compose is not None,
        networks=networks,
    )
    wanted = size.replicas if asked == "auto" else asked
    note = None
    if size.limit != "none":
        note = replicas_note(size.limit, size.replicas, scenario, size.numbers)
    return FleetPlan(wanted, size.replicas, use.memory_bytes, note)


def replicas_note(
    why: str, replicas: int, scenario: Scenario, numbers: Mapping[str, Scalar] | None = None
) -> Note:
    """So many replicas of each arm, and what speaks against more."""
    asked = scenario.gate.watch.replicas
    given = {} if asked == "auto" else {"asked": asked}
    return Note(NoteCode.WATCH_REPLICAS, why, {"replicas": replicas, **given, **(numbers or {})})
