"""``gate.containers`` at the beginning of a job: the number given, or one chosen now."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.block_size import ContainerUse, Machine, Size, largest_block
from socklat_gate.job.container_use import service_cpus, use_of
from socklat_gate.job.memory_left import memory_left_bytes
from socklat_gate.job.progress import Progress
from socklat_gate.measured.facts import Note, NoteCode, Scalar
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.blocks import obstacle_to_blocks
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, ServiceSession
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import STARTING, WEIGHING

__all__ = ["ContainersJob", "with_containers"]

log = logging.getLogger(__name__)


def with_containers(scenario: Scenario, containers: int) -> Scenario:
    """The scenario with that number, once it is known."""
    gate = scenario.gate.model_copy(update={"containers": containers})
    return scenario.model_copy(update={"gate": gate})


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
                ready = use_of([arm])
                obey_signal()
                session.check_alive()
                machine = Machine(memory_left_bytes(), service_cpus(self.scenario.service))
            finally:
                with defer_signals():
                    session.stop()
        use = ContainerUse(ready.memory_bytes, ready.idle_cpus, start_s, ready.start_cpu_s)
        log.info("one container takes %s of %s", use, machine)
        service, run_s = self.scenario.service, self.scenario.load.duration_s
        return largest_block(use, machine, run_s, service.ready.timeout_s, service.memory_bytes)


def _note(subject: str, containers: int, numbers: dict[str, Scalar] | None = None) -> Note:
    return Note(NoteCode.CONTAINERS, subject, {"containers": containers, **(numbers or {})})
