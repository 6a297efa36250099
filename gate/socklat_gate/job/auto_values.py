"""What a scenario leaves to a gate ("auto"): found from the baseline, before anything is compared.

The candidate has no part in it: it must not choose what it is measured by.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from socklat_gate.job.containers_job import ContainersJob
from socklat_gate.job.progress import Progress
from socklat_gate.job.rate_job import RateJob
from socklat_gate.job.reference import Reference
from socklat_gate.job.stored_rate import stored_rate
from socklat_gate.measured.facts import Note
from socklat_gate.scenario import Scenario
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec

__all__ = ["AutoValues", "baseline_spec"]


def baseline_spec(scenario: Scenario, reference: Reference | None) -> ArmSpec | None:
    """The baseline's container; None where there is no image that could run."""
    if reference is None or reference.image is None:
        return None
    arm = reference.arm
    own = (arm.directory, arm.service) if arm else (None, None)
    command = scenario.baseline.command
    return ArmSpec("baseline", reference.image, command, directory=own[0], service=own[1])


@dataclass(frozen=True, slots=True)
class AutoValues:
    """Each of them gives the scenario with its value, and what is said of that.

    Raises `UsageError` and `InvalidMeasurement` as `RateJob` and `ContainersJob` do.
    """

    client: DockerClient
    directory: Path
    reference: Reference | None
    seed: int
    progress: Progress

    def with_rate(self, scenario: Scenario) -> tuple[Scenario, tuple[Note, ...]]:
        """Of ``load.rate``: the stored one, or one found now."""
        reference = self.reference
        known = stored_rate(reference.store, scenario) if reference is not None else None
        spec = baseline_spec(scenario, reference)
        job = RateJob(self.client, scenario, self.directory, spec, self.seed, self.progress)
        return job.planned(known)

    def with_containers(self, scenario: Scenario) -> tuple[Scenario, tuple[Note, ...]]:
        """Of ``gate.containers``."""
        spec = baseline_spec(scenario, self.reference)
        return ContainersJob(self.client, scenario, self.directory, spec, self.progress).planned()
