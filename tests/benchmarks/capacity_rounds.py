"""Records rounds of capacity jobs: two services, equal arms and candidates of known capacity.

    sudo python -m tests.benchmarks.capacity_rounds [--jobs N] [--seconds S] [--file FILE]

A job ends as ``socklat-gate capacity`` ends: decided, or 5 minutes of rounds are over.  What is in
the file is gone on from, in the middle of a job as well, so this can be ended and started again.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason
from socklat_gate.job.capacity_rounds import CapacityRounds
from socklat_gate.job.progress import Progress
from socklat_gate.measured.capacity import CapacityLimits, CapacityRound
from socklat_gate.scenario import Scenario
from socklat_gate.service.client import connect
from socklat_gate.service.image import local_image
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.capacity import judge_capacity
from tests.benchmarks.capacity_file import FILE, Job, Recorded, load, save
from tests.benchmarks.record_pairs import machine, say
from tests.benchmarks.scenes import (
    API,
    API_LOAD,
    LOAD_CPU,
    SERVICE_CPU,
    SOURCE,
    TAGS,
    make_image,
)
from tests.services.build import build_image

__all__ = ["LIMITS", "MINUTES", "SCENES", "Scene", "ended"]

LIMITS = CapacityLimits(0, 0.99, 0.05, 0.15, 0.01, 0.05)
"""The command's defaults."""

MINUTES = 5.0
LONGEST_ROUND_S = 30.0
HTTP_TAG = "socklat-bench/http:latest"
WORKERS, REQUEST_US = 4, 5000


@dataclass(frozen=True)
class Scene:
    """A service and its arms' commands; ``loss`` of the candidate's capacity follows from them.

    None: it is known only that there is one.
    """

    name: str
    what: str
    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    loss: float | None

    @property
    def scenario(self) -> Scenario:
        if self.name.startswith("workers"):
            service = {"port": 8080, "cpuset": SERVICE_CPU}
            load = {"driver": "http", "rate": 200.0, "connections": 64}
        else:
            service, load = {"port": 8080, "cpuset": SERVICE_CPU}, dict(API_LOAD)
        load["cpuset"] = LOAD_CPU
        # Only the error rates of the gate matter here.
        metrics = [{"stage": "capacity"}]
        return Scenario.model_validate(
            {"name": self.name, "service": service, "load": load, "gate": {"metrics": metrics}}
        )

    @property
    def image(self) -> str:
        return HTTP_TAG if self.name.startswith("workers") else TAGS["api"][0]


def _workers(name: str, what: str, us: int) -> Scene:
    """A request takes a worker for so long, without using the CPU."""
    commands = [
        ("/http", "--workers", str(WORKERS), "--delay", str(each)) for each in (REQUEST_US, us)
    ]
    return Scene(name, what, commands[0], commands[1], 1.0 - REQUEST_US / us)


def _cpu(name: str, what: str, *candidate: str, loss: float | None = None) -> Scene:
    return Scene(name, what, API, (*API, *candidate), loss)


SCENES = (
    _workers("workers-same", "4 workers, 5 ms a request, in both arms", REQUEST_US),
    _cpu("cpu-same", "a Python service on one CPU, in both arms", loss=0.0),
    _workers("workers-20", "6.25 ms a request in the candidate", 6250),
    _cpu("cpu-40", "40 units more work in each request of the candidate", "--work", "140"),
    _workers("workers-50", "10 ms a request in the candidate", 10_000),
)


def ended(job: Job) -> bool:
    """Whether the command would have stopped here."""
    if not job.rounds:
        return False
    spent = sum(one.duration_s for one in job.rounds) > 60 * MINUTES
    limits = replace(LIMITS, within_ns=job.within_ns)
    return spent or judge_capacity(job.rounds, limits).reason is not Reason.CAPACITY_UNDECIDED


def go_on(client: Any, scene: Scene, number: int, job: Job, until_s: float) -> Job:
    """The job with further rounds, while there is time for one."""
    image = local_image(client, scene.image)
    with Progress(quiet=True) as progress:
        rounds = CapacityRounds(
            client=client,
            scenario=scene.scenario,
            directory=Path.cwd(),
            specs=(
                ArmSpec("baseline", image, list(scene.baseline)),
                ArmSpec("candidate", image, list(scene.candidate)),
            ),
            seed=1000 + number,
            progress=progress,
            limits=replace(LIMITS, within_ns=job.within_ns),
            rounds=list(job.rounds),
        )
        with rounds:
            while not ended(job) and time.monotonic() + LONGEST_ROUND_S < until_s:
                last: CapacityRound = rounds.measure()
                job = Job(rounds.limits.within_ns, tuple(rounds.rounds))
                say(
                    f"{scene.name} {number}, round {last.index + 1}: {last.baseline_rps:.0f} and "
                    f"{last.candidate_rps:.0f}/s in {last.duration_s:.0f} s"
                )
    return job


def record(wanted: int, seconds: float, file: Path) -> bool:
    """Whether all jobs have ended."""
    until_s = time.monotonic() + seconds
    recorded = load(file) if file.exists() else Recorded(machine(), {})
    client = connect()
    build_image(client, "http.c", HTTP_TAG, ["/http"])
    if not client.images.list(TAGS["api"][0]):  # it takes as long as a round
        make_image("python", TAGS["api"][0], str(SOURCE))
    for number in range(wanted):
        for scene in SCENES:
            if number >= (wanted if scene.name.endswith("-same") else max(1, wanted // 2)):
                continue
            jobs = list(recorded.jobs.get(scene.name, ()))
            if len(jobs) <= number:
                jobs.append(Job(0, ()))
            if ended(jobs[number]):
                continue
            if time.monotonic() + LONGEST_ROUND_S >= until_s:
                return False
            jobs[number] = go_on(client, scene, number, jobs[number], until_s)
            recorded = replace(recorded, jobs={**recorded.jobs, scene.name: tuple(jobs)})
            save(file, recorded)
            if not ended(jobs[number]):
                return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=4, help="of each scene with equal arms")
    parser.add_argument("--seconds", type=float, default=1e6, help="begin no round that ends later")
    parser.add_argument("--file", type=Path, default=FILE)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    done = record(options.jobs, options.seconds, options.file)
    say(json.dumps({"done": done}))
    return 0 if done else 75  # EX_TEMPFAIL: run it again


if __name__ == "__main__":
    sys.exit(main())
