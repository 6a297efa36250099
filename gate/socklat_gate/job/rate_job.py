"""``load.rate = "auto"`` at the beginning of a job: the rate of the history, or one found now."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.environment import NoiseMeter
from socklat_gate.errors import Reason, UsageError
from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.find_rate import FoundRate, TriedRate, find_rate
from socklat_gate.job.progress import Progress
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.step import Step, run_step, step_load
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Load, Scenario
from socklat_gate.scenario.found_rate import with_rate
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, ServiceSession
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import FINDING_RATE, STARTING

__all__ = ["RateJob"]

log = logging.getLogger(__name__)


class BusyMeter:
    """CPU time of the whole machine from `begin` on."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The load begins."""
        self._noise = NoiseMeter()
        self._begun_s = time.monotonic()

    def share_of(self, seconds: float) -> float:
        """The share of the CPUs in [0, 1], had all of it been used in so many seconds."""
        elapsed_s = time.monotonic() - self._begun_s
        return min(1.0, self._noise.stop().busy * elapsed_s / seconds)


def seconds_of(load: Load) -> float:
    """How long it is sent, warm-up included."""
    return load.warmup_s + load.duration_s


@dataclass(frozen=True, slots=True)
class RateJob:
    """Finds the rate of ``scenario`` from ``spec``, the baseline of what follows (None: none)."""

    client: DockerClient
    scenario: Scenario
    directory: Path
    spec: ArmSpec | None
    seed: int
    progress: Progress

    def planned(self, known: float | None = None) -> tuple[Scenario, tuple[Note, ...]]:
        """The scenario at its rate, and what is said of it; a rate that is a number stays.

        ``known`` is the rate that it had before (`job.stored_rate`), None where it is to be found.
        Raises `UsageError` (BAD_SCENARIO) when there is no baseline to find it from, and
        `InvalidMeasurement` when that cannot be loaded.
        """
        if self.scenario.load.rate != "auto":
            return self.scenario, ()
        if known is not None:
            note = Note(NoteCode.RATE_FOUND, "stored", {"rate": known})
            return with_rate(self.scenario, known), (note,)
        if self.spec is None:
            raise UsageError(
                Reason.BAD_SCENARIO,
                'load.rate = "auto" is found from the baseline, and there is none that can run',
                remedy="give load.rate a number, or name a reference image",
            )
        found = self._find(self.spec)
        log.info("found %s", found)
        numbers = {"rate": found.rate_rps, "capacity": found.capacity_rps}
        note = Note(NoteCode.RATE_FOUND, "cpus" if found.by_cpu else "service", numbers)
        return with_rate(self.scenario, found.rate_rps), (note,)

    def announced(self, known: float | None = None) -> Scenario:
        """The scenario as `planned` has it, where no report says so: a line of progress does."""
        scenario, notes = self.planned(known)
        for note in notes:
            self.progress.line(note_text(note))
        return scenario

    def _find(self, spec: ArmSpec) -> FoundRate:
        load = self.scenario.load
        self.progress.phase(STARTING)
        alone = self.scenario.gate.interleave == "block"
        place = self.client, self.scenario.service, self.directory
        with ServiceSession(*place, alone=alone) as session:
            (arm,) = session.start([spec])
            try:
                self.progress.phase(FINDING_RATE)
                where = Endpoint(arm.host, arm.port)

                def poll() -> None:
                    obey_signal()
                    session.check_alive()

                steps: list[Step] = []

                def try_rate(rate: float, within_ns: int) -> TriedRate:
                    meter = BusyMeter()
                    step = run_step(
                        *(load, where, rate, self.seed, within_ns, poll, meter.begin),
                        fresh=not steps,
                    )
                    steps.append(step)
                    sent_s = seconds_of(step_load(load, rate, within_ns))
                    return TriedRate(step, meter.share_of(sent_s))

                return find_rate(try_rate, round(load.timeout_s * 1e9))
            finally:
                with defer_signals():
                    session.stop()
