"""How many targets and connections a job's probe has to hold at once."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.job.fleet_load import most_connections
from socklat_gate.measured.bpf_layout import layout
from socklat_gate.measured.pair import ARMS
from socklat_gate.scenario import Scenario

__all__ = ["STACK_TARGETS", "ProbeRoom", "probe_room"]

STACK_TARGETS = 16
"""Containers of both stacks that are traced, those under test included."""


@dataclass(frozen=True, slots=True)
class ProbeRoom:
    """``targets`` None: as many as a probe has by default."""

    targets: int | None
    connections: int


def probe_room(scenario: Scenario, containers: int, *, watched: bool) -> ProbeRoom:
    """For so many containers of each arm, and where it is ``watched`` for replicas beside them.

    All replicas of an arm are one target.
    """
    targets = STACK_TARGETS if scenario.service.compose else None
    if containers > 1:
        targets = len(ARMS) * containers
    if not watched:
        return ProbeRoom(targets, scenario.probe.max_connections)
    of_pairs = targets or len(ARMS) * containers
    return ProbeRoom(
        max(of_pairs + len(ARMS), layout()["TARGET_MAX"]),
        scenario.probe.max_connections + most_connections(scenario),
    )
