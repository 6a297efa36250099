"""``socklat-gate capacity``: rounds of staircases until the ratio of both arms is decided."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import Reason
from socklat_gate.job.capacity_rounds import CapacityRounds
from socklat_gate.job.commit import current_commit
from socklat_gate.job.progress import Progress
from socklat_gate.job.run_job import utc_now
from socklat_gate.measured.capacity import CapacityLimits, CapacityResult
from socklat_gate.scenario import Scenario
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.capacity import judge_capacity
from socklat_gate.wording.capacity_text import no_round_line, round_line

__all__ = ["CapacityJob"]


@dataclass
class CapacityJob:
    """Rounds until the evidence is in, or one more would not end within ``minutes``.

    The first is measured however long it takes.
    ``within_ms`` None: found from the baseline's latency at a low rate.
    """

    client: DockerClient
    scenario: Scenario
    directory: Path
    baseline: ImageRef
    candidate: ImageRef
    seed: int
    progress: Progress
    within_ms: float | None
    share: float
    tolerance: float
    threshold: float
    minutes: float

    def run(self) -> CapacityResult:
        """Measures; raises `InvalidMeasurement` as `CapacityRounds.measure` does."""
        started_s = time.monotonic()
        created, commit = utc_now(), current_commit(self.directory)
        with self._rounds() as rounds:
            while True:
                last = rounds.measure()
                left_s = started_s + 60 * self.minutes - time.monotonic()
                verdict = judge_capacity(rounds.rounds, rounds.limits, differ=rounds.differ)
                self.progress.line(round_line(last, verdict))
                if verdict.reason is not Reason.CAPACITY_UNDECIDED:
                    break
                if left_s < rounds.expected_s:
                    self.progress.line(no_round_line(rounds.expected_s, left_s))
                    break
        return CapacityResult(
            scenario_name=self.scenario.name,
            created=created,
            commit=commit,
            seed=self.seed,
            baseline_image=self.baseline.reference,
            candidate_image=self.candidate.reference,
            limits=rounds.limits,
            rounds=tuple(rounds.rounds),
            verdict=verdict,
            duration_s=time.monotonic() - started_s,
        )

    def _rounds(self) -> CapacityRounds:
        gate = self.scenario.gate
        return CapacityRounds(
            client=self.client,
            scenario=self.scenario,
            directory=self.directory,
            specs=(
                ArmSpec("baseline", self.baseline, self.scenario.baseline.command),
                ArmSpec("candidate", self.candidate),
            ),
            seed=self.seed,
            progress=self.progress,
            limits=CapacityLimits(
                within_ns=round(1e6 * self.within_ms) if self.within_ms is not None else 0,
                share=self.share,
                tolerance=self.tolerance,
                threshold=self.threshold,
                alpha=gate.alpha,
                alpha_pass=gate.alpha_pass,
            ),
        )
