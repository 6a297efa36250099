"""``gate.containers`` at the beginning of a job: the number given, or one chosen now."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.block_size import ContainerUse, Machine, Size, largest_block
from socklat_gate.job.memory_left import memory_left_bytes
from socklat_gate.job.progress import Progress
from socklat_gate.load.cpuset import parse_cpuset
from socklat_gate.measured.facts import Note, NoteCode, Scalar
from socklat_gate.scenario import Scenario, Service
from socklat_gate.scenario.blocks import obstacle_to_blocks
from socklat_gate.service.cpu_time import CpuMeter
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.memory_use import memory_bytes
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import STARTING, WEIGHING

__all__ = ["ContainersJob", "memory_limit_bytes", "service_cpus", "with_containers"]

log = logging.getLogger(__name__)

IDLE_S = 0.5
"""So long a ready container is watched while nothing is asked of it."""

_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def with_containers(scenario: Scenario, containers: int) -> Scenario:
    """The scenario with that number, once it is known."""
    gate = scenario.gate.model_copy(update={"containers": containers})
    return scenario.model_copy(update={"gate": gate})


def memory_limit_bytes(text: str | None) -> int | None:
    """``service.memory`` in bytes; None where there is no limit."""
    if text is None:
        return None
    return int(text) if text.isdigit() else int(text[:-1]) * _UNITS[text[-1]]


@dataclass(frozen=True, slots=True)
class ContainersJob:
    """Chooses for ``scenario`` by starting ``spec``, the baseline of what follows, once."""

    client: DockerClient
    scenario: Scenario
    directory: Path
    spec: ArmSpec | None
    progress: Progress

    def planned(self) -> tuple[Scenario, tuple[Note, ...]]:
        """The scenario with a number of containers, and why that one; a number given stays.

        Raises `InvalidMeasurement` when the baseline does not start.
        """
        given = self.scenario.gate.containers
        obstacle = "nothing_to_pair" if self.spec is None else obstacle_to_blocks(self.scenario)
        if given == 1:
            return self.scenario, ()
        if obstacle is not None:
            notes = (_note(obstacle, 1),) if given == "auto" else ()
            return with_containers(self.scenario, 1), notes
        if given != "auto":
            return self.scenario, (_note("given", given),)
        assert self.spec is not None
        size = self._choose(self.spec)
        log.info("chosen %s", size)
        chosen = with_containers(self.scenario, size.containers)
        return chosen, (_note(size.limit, size.containers, size.numbers),)

    def announced(self) -> Scenario:
        """The scenario as `planned` has it, where no report says so: a line of progress does."""
        scenario, notes = self.planned()
        for note in notes:
            self.progress.line(note_text(note))
        return scenario

    def _choose(self, spec: ArmSpec) -> Size:
        self.progress.phase(STARTING)
        with ServiceSession(self.client, self.scenario.service, self.directory) as session:
            begun_s = time.monotonic()
            (arm,) = session.start([spec])
            try:
                start_s = time.monotonic() - begun_s
                self.progress.phase(WEIGHING)
                use = _use(arm, start_s)
                obey_signal()
                session.check_alive()
                machine = Machine(memory_left_bytes(), service_cpus(self.scenario.service))
            finally:
                with defer_signals():
                    session.stop()
        log.info("one container takes %s of %s", use, machine)
        service, run_s = self.scenario.service, self.scenario.load.duration_s
        limit = memory_limit_bytes(service.memory)
        return largest_block(use, machine, run_s, service.ready.timeout_s, limit)


def _use(arm: RunningArm, start_s: float) -> ContainerUse:
    meter = CpuMeter(arm.pid)
    ready = meter.read()
    time.sleep(IDLE_S)
    idle = meter.read()
    if ready is None or idle is None:
        return ContainerUse(memory_bytes(arm.pid), 0.0, start_s, 0.0)
    return ContainerUse(
        memory_bytes(arm.pid),
        idle.since(ready).used_ns / 1e9 / IDLE_S,
        start_s,
        ready.used_ns / 1e9,
    )


def service_cpus(service: Service) -> int:
    """How many the containers of both arms may use."""
    sets = service.cpuset if isinstance(service.cpuset, list) else [service.cpuset]
    named = {cpu for one in sets if one for cpu in parse_cpuset(one)}
    return len(named) or os.cpu_count() or 1


def _note(subject: str, containers: int, numbers: dict[str, Scalar] | None = None) -> Note:
    return Note(NoteCode.CONTAINERS, subject, {"containers": containers, **(numbers or {})})
