"""What is recorded: services, the load on them, and the defects that candidates get.

Each scene is a scenario and two commands of one image (or of two builds of the same source), so
that nothing but the named difference lies between the arms.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from socklat_gate.scenario import Scenario

__all__ = [
    "DEPENDENCIES",
    "HELPER_PORT",
    "HELPER_US",
    "SCENES",
    "SERVICE_CPU",
    "STUDY",
    "Scene",
    "build_images",
]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "services" / "api.py"
API = ("/usr/bin/python3.11", "/service.py")
TAGS = {
    "redis": ("socklat-bench/redis:one", "socklat-bench/redis:two"),
    "nginx": ("socklat-bench/nginx:one", "socklat-bench/nginx:two"),
    "api": ("socklat-bench/api:one", "socklat-bench/api:two"),
}
"""Two builds of the same source each."""

DEPENDENCIES = {9000: 2000, 9001: 2500, 9002: 10_000}
"""Port of the host -> how long the dependency there takes, in us."""

HELPER_PORT, HELPER_US = 9010, 10_000
"""Of the process on the host that the candidate of ``api-helper`` wakes, and what it does then."""

SERVICE_CPU, LOAD_CPU = "0", "1"
"""Apart, since the load's own use of a CPU is the largest disturbance on a small machine."""

SHORT_GATE: dict[str, Any] = {
    "metrics": [
        {"stage": "response", "quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05},
        {"stage": "response", "quantile": 0.9, "tolerance": 0.03, "regression_threshold": 0.08},
        {"stage": "cpu", "tolerance": 0.01, "regression_threshold": 0.03},
    ]
}
"""The defaults without p99."""

REDIS_LOAD: dict[str, Any] = {
    "driver": "tcp",
    "rate": 2000.0,
    "connections": 32,
    "duration_s": 5.0,
    "warmup_s": 0.5,
    "payload": r"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$16\r\n0123456789abcdef\r\n",
    "response": "resp",
}
NGINX_LOAD: dict[str, Any] = {
    "driver": "http",
    "rate": 2000.0,
    "connections": 32,
    "duration_s": 5.0,
    "warmup_s": 0.5,
}
DEPEND_LOAD: dict[str, Any] = {
    "driver": "http",
    "rate": 600.0,
    "connections": 96,
    "duration_s": 13.5,
    "warmup_s": 0.5,
}
HELPER_LOAD: dict[str, Any] = {
    "driver": "http",
    "rate": 150.0,
    "connections": 64,
    "duration_s": 13.5,
    "warmup_s": 0.5,
}
HELPER_GATE: dict[str, Any] = {
    "metrics": [
        {"quantile": 0.5, "tolerance": 0.05, "regression_threshold": 0.15},
        {"quantile": 0.9, "tolerance": 0.1, "regression_threshold": 0.3},
        {"quantile": 0.96, "tolerance": 0.1, "regression_threshold": 0.3},
    ]
}
"""The helper takes 3% of the time, so that p96 of the baseline does not meet it."""

API_LOAD: dict[str, Any] = {
    "driver": "http",
    "rate": 800.0,
    "connections": 96,
    "duration_s": 10.0,
    "warmup_s": 0.5,
}


@dataclass(frozen=True)
class Scene:
    """One set of pairs; ``baseline`` and ``candidate`` are the services' options.

    ``stage`` is the one whose growth was injected into the requests of ``slice``.
    """

    name: str
    what: str
    service: Literal["redis", "nginx", "api"]
    load: dict[str, Any]
    baseline: tuple[str, ...] = ()
    candidate: tuple[str, ...] = ()
    stage: str = ""
    slice: str = "middle"
    rebuilt: bool = False
    gate: dict[str, Any] = field(default_factory=dict)
    hog_percent: int = 0
    """Share of the service's CPU that a real-time thread takes meanwhile."""

    @property
    def kind(self) -> Literal["same", "effect"]:
        """Whether the arms are equal."""
        return "same" if self.baseline == self.candidate else "effect"

    @property
    def injected(self) -> str:
        """What the candidate's options add."""
        return " ".join(self.candidate) if self.kind == "effect" else ""

    def images(self) -> tuple[str, str]:
        """Image of the baseline and of the candidate."""
        one, two = TAGS[self.service]
        return one, two if self.rebuilt else one

    def build_arms(self) -> tuple[str, str]:
        """Images of both arms that need no command."""
        if self.service != "api":
            return self.images()
        found = []
        for arm, options in (("baseline", self.baseline), ("candidate", self.candidate)):
            tag = f"socklat-bench/{self.name}:{arm}"
            make_image("python", tag, str(SOURCE), *options)
            found.append(tag)
        return found[0], found[1]

    def command(self, options: Sequence[str]) -> list[str] | None:
        """The container's command; None for the image's own."""
        return [*API, *options] if self.service == "api" else None

    def scenario(self) -> Scenario:
        """As a socklat.toml would say it."""
        port = {"redis": 6379, "nginx": 8080, "api": 8080}[self.service]
        service = {"port": port, "cpuset": SERVICE_CPU}
        load = {**self.load, "cpuset": LOAD_CPU}
        return Scenario.model_validate(
            {"name": self.name, "service": service, "load": load, "gate": self.gate}
        )


def _api(name: str, what: str, *candidate: str, stage: str = "app", part: str = "middle") -> Scene:
    return Scene(name, what, "api", API_LOAD, (), candidate, stage, part)


def _waiting(name: str, what: str, port: str, *waits_us: str) -> Scene:
    """Requests that wait for a dependency, and 2% of them longer without using the CPU."""
    usual = ("--depend-port", port, "--tail-factor", "1", "--tail-wait")
    baseline, candidate = ((*usual, wait_us) for wait_us in waits_us)
    return Scene(name, what, "api", DEPEND_LOAD, baseline, candidate, "app", "slowest 1%")


def _short(name: str, what: str, *candidate: str, stage: str = "app") -> Scene:
    """As `_api` in runs of half the length, without p99, for what every run shows."""
    load = {**API_LOAD, "duration_s": 5.0}
    return Scene(name, what, "api", load, (), candidate, stage, gate=SHORT_GATE)


SCENES: tuple[Scene, ...] = (
    Scene("redis-same", "Redis SET, two builds of one source", "redis", REDIS_LOAD, rebuilt=True),
    Scene("nginx-same", "nginx, two builds of one source", "nginx", NGINX_LOAD, rebuilt=True),
    Scene("api-same", "a Python service, two builds of one source", "api", API_LOAD, rebuilt=True),
    _api("api-p50-5", "9% more work in every request, 5% of its time", "--work", "109"),
    _api("api-cpu-3", "4% more work in every request, 3% of its CPU time", "--work", "104"),
    _waiting(
        "api-p99-15",
        "the slow 2% of requests wait 6.2 ms instead of 5 ms beside a dependency's 2 ms",
        "9000",
        "5000",
        "6200",
    ),
    _waiting(
        "api-tail-50",
        "2% of requests wait 5 ms more beside a dependency's 10 ms",
        "9002",
        "0",
        "5000",
    ),
    _api(
        "api-stop",
        "an 800 ms pause every minute",
        "--stop-every",
        "60",
        stage="recv_wait",
        part="slowest 1%",
    ),
    Scene(
        "api-helper",
        "2% of requests wake a process outside of the containers for 10 ms",
        "api",
        HELPER_LOAD,
        (),
        ("--wake-port", str(HELPER_PORT)),
        gate=HELPER_GATE,
    ),
    Scene(
        "api-depend",
        "a dependency takes 2.5 ms instead of 2 ms",
        "api",
        DEPEND_LOAD,
        ("--depend-port", "9000"),
        ("--depend-port", "9001"),
        stage="depend",
    ),
    _api(
        "api-block",
        "the event loop is blocked for 20 ms twice a second",
        "--block-every",
        "0.5",
        stage="recv_wait",
        part="slowest 1%",
    ),
    _short(
        "api-early-head",
        "the head is sent before the work, which takes half as long again",
        "--early-head",
        "--work",
        "150",
        stage="respond",
    ),
    _short(
        "api-errors", "0.09% of requests get an error at once", "--error-share", "0.0009", stage=""
    ),
    _short(
        "api-slow-start",
        "half as much work again after one start in five",
        "--slow-start-share",
        "0.2",
    ),
)


def _study() -> tuple[Scene, ...]:
    """The scenes of `ci/bench noise`: ways to interleave, and effects while the CPU is taken away.

    Names are ``MODE.SCENE`` and ``hogPERCENT.SCENE``.
    """
    known = {scene.name: scene for scene in SCENES}
    slower = _api("api-all-20", "36% more work in every request, 20% of its time", "--work", "136")
    stopping = _api("api-stop-30", "an 800 ms pause every 30 s", "--stop-every", "30", stage="")
    disturbed = (known["api-same"], known["api-p50-5"], slower, known["api-tail-50"], stopping)
    modes = ("redis-same", "nginx-same", "api-same", "api-p50-5")
    return (
        *(
            replace(known[name], name=f"{mode}.{name}", gate={"interleave": mode})
            for mode in ("request", "slice", "block")
            for name in modes
        ),
        *(
            replace(scene, name=f"hog{percent:02d}.{scene.name}", hog_percent=percent)
            for percent in (0, 20, 40)
            for scene in disturbed
        ),
    )


STUDY = _study()


def build_images(scenes: Sequence[Scene]) -> None:
    """Makes the images that the scenes need, twice from the same source."""
    for service in sorted({scene.service for scene in scenes}):
        for tag in TAGS[service]:
            if service == "api":
                make_image("python", tag, str(SOURCE))
            else:
                make_image(service, tag)


def make_image(kind: str, *arguments: str) -> None:
    """By a script of ci/images."""
    bash = shutil.which("bash") or "/bin/bash"
    command = [bash, str(ROOT / "ci" / "images" / kind), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
