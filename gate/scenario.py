"""The scenario: what to start, how to load it, what to judge.  Models only.

`gate.scenario_file.load_scenario` reads one from TOML.  All models are frozen; unknown keys are
errors.  ``model_json_schema()`` of `Scenario` is what ``socklat-gate schema`` prints.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gate.gating import (
    MIN_EXCEEDING,
    WANTED_EXCEEDING,
    Gate,
    Judged,
    Metric,
    Spikes,
    Stage,
    StrictModel,
    Waiver,
    default_metrics,
)
from gate.load.payload import parse_payload

__all__ = [
    "MIN_EXCEEDING",
    "WANTED_EXCEEDING",
    "BaselineSource",
    "Command",
    "Gate",
    "Judged",
    "Load",
    "Metric",
    "Probe",
    "Ready",
    "Scenario",
    "Service",
    "Spikes",
    "Stage",
    "Waiver",
    "default_metrics",
]

IN_COMPOSE_FILE = ("publish", "volumes", "tmpfs", "cpus", "memory")
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
CpuSet = Annotated[str, Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$", examples=["0", "0-1,3"])]


class Ready(StrictModel):
    """When the service counts as started: one of tcp, http or log."""

    http: str | None = Field(None, pattern="^/", description="path that must answer `status`")
    status: int = Field(200, ge=100, le=599)
    log: str | None = Field(None, description="regular expression that a log line must match")
    timeout_s: float = Field(30.0, gt=0, le=600)

    @model_validator(mode="after")
    def _one_way(self) -> Ready:
        if self.http and self.log:
            raise ValueError("give http or log, not both (neither: a TCP connection is enough)")
        if self.log:
            try:
                re.compile(self.log)
            except re.error as error:
                raise ValueError(f"log is not a regular expression: {error}") from None
        return self


class Service(StrictModel):
    """The container under test."""

    image: str | None = Field(None, min_length=1, description="candidate image; pulled if missing")
    build: str | None = Field(None, description="directory with a Dockerfile, instead of image")
    compose: str | None = Field(
        None, description="compose file, instead of both: each arm is the whole stack"
    )
    service: str | None = Field(None, description="the compose file's service under test")
    command: str | list[str] | None = None
    env: dict[str, str] = Field(default_factory=dict)
    port: int = Field(ge=1, le=65535, description="port the service listens on, in the container")
    publish: int | None = Field(
        None,
        ge=1,
        le=65534,
        description="also reach it at 127.0.0.1:publish (baseline) and publish + 1 (candidate)",
    )
    volumes: list[str] = Field(default_factory=list, description="host:container[:ro]")
    tmpfs: list[str] = Field(default_factory=list, description="container paths kept in memory")
    cpus: float | None = Field(None, gt=0)
    cpuset: CpuSet | list[CpuSet] | None = Field(
        None, description="of both arms, or a list of two: who gets which is flipped"
    )
    memory: str | None = Field(None, pattern=r"^\d+[bkmg]?$")
    ready: Ready = Field(default_factory=Ready)

    @model_validator(mode="after")
    def _image_or_build(self) -> Service:
        if self.build and (self.image or self.compose):
            raise ValueError("give one of image, build and compose")
        if isinstance(self.cpuset, list) and len(self.cpuset) != 2:
            raise ValueError("cpuset is one set of CPUs, or a list of two")
        return self

    @model_validator(mode="after")
    def _of_the_stack(self) -> Service:
        if bool(self.compose) != bool(self.service):
            raise ValueError("compose and service, the one under test in it, belong together")
        elsewhere = [name for name in IN_COMPOSE_FILE if self.compose and getattr(self, name)]
        if elsewhere:
            raise ValueError(f"{', '.join(elsewhere)}: with compose this belongs in that file")
        return self

    def cpuset_of(self, arm: int, *, swapped: bool) -> str | None:
        """The CPUs of an arm by its index; ``swapped`` is the coin flip for a list of two."""
        if isinstance(self.cpuset, list):
            return self.cpuset[arm ^ swapped]
        return self.cpuset


class Command(StrictModel):
    """Any other load tool; its host, port, seed, rate and duration come in its environment."""

    argv: list[str] = Field(min_length=1)


class Load(StrictModel):
    """Open-loop load: arrivals happen on schedule whatever the answers do."""

    driver: Literal["tcp", "http", "command"] = "tcp"
    rate: float = Field(1000.0, gt=0, le=200_000, description="requests per second and arm")
    arrivals: Literal["poisson", "constant"] = "poisson"
    connections: int = Field(32, ge=1, le=10_000, description="connections per arm")
    max_connections: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="opened at most when requests find none free; default: 10 times connections, "
        "or enough for a stop of a second",
    )
    duration_s: float = Field(8.0, gt=0, le=3600, description="measured window of a pair")
    max_duration_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        description="extended up to this while stalls leave too few clean requests; 4 times "
        "duration_s if left out",
    )
    warmup_s: float = Field(1.0, ge=0, le=600)
    timeout_s: float = Field(10.0, gt=0, le=600, description="a later answer is an error")
    max_errors: float = Field(0.001, ge=0, le=1, description="allowed share of failed requests")
    max_lag_ms: float = Field(
        100.0, gt=0, description="bound for the p99 wait of due requests for a free connection"
    )
    max_late_ms: float = Field(100.0, gt=0, description="bound for the driver's own p99 lateness")
    cpuset: CpuSet | None = None
    # tcp
    payload: str | None = Field(None, description=r"request bytes; \r \n \t \0 \\ \xHH are escapes")
    answer: Literal["resp"] | int | str = Field(
        "resp", description='end of an answer: "resp", a length in bytes, or "until:DELIMITER"'
    )
    # http
    method: str = Field("GET", pattern="^[A-Z]+$")
    path: str = Field("/", pattern=r"^/\S*$")
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    # command
    command: Command | None = None

    @field_validator("payload")
    @classmethod
    def _payload(cls, value: str | None) -> str | None:
        parse_payload(value or "")
        return value

    @field_validator("answer")
    @classmethod
    def _answer(cls, value: int | str) -> int | str:
        if isinstance(value, int):
            if value < 1:
                raise ValueError("an answer has at least 1 byte")
        elif value != "resp":
            if not value.startswith("until:") or len(value) == len("until:"):
                raise ValueError('use "resp", a length in bytes, or "until:DELIMITER"')
            parse_payload(value.removeprefix("until:"))
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Load:
        if self.max_connections is not None and self.max_connections < self.connections:
            raise ValueError("max_connections must not be smaller than connections")
        if self.max_duration_s is not None and self.max_duration_s < self.duration_s:
            raise ValueError("max_duration_s must not be smaller than duration_s")
        return self

    @model_validator(mode="after")
    def _driver_has_what_it_needs(self) -> Load:
        if self.driver == "tcp" and not self.payload:
            raise ValueError("driver tcp needs a payload")
        if self.driver == "command" and self.command is None:
            raise ValueError("driver command needs [load.command] with argv")
        for name, value in self.headers.items():
            if not re.fullmatch(HEADER_NAME, name) or re.search(r"[\r\n\0]", value):
                raise ValueError(f"header {name!r} cannot be sent")
        return self


class Probe(StrictModel):
    """The kernel side."""

    max_connections: int = Field(16_384, ge=1, le=4_000_000, description="tracked at once")
    detail: Literal["headline", "full"] = Field(
        "headline", description='"full" adds rx_stack, bridge, tx_stack, runq and drops by reason'
    )
    spike_factor: float = Field(
        3.0, gt=1, description="spikes: this many times the warm-up's p99 of service and more"
    )


class BaselineSource(StrictModel):
    """Where the reference comes from when the command line does not say."""

    image: str | None = None
    command: str | list[str] | None = Field(None, description="if it differs from the service's")


class Scenario(StrictModel):
    """A whole socklat.toml."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="key of its baselines")
    service: Service
    load: Load
    probe: Probe = Field(default_factory=Probe)
    gate: Gate = Field(default_factory=Gate)
    waiver: list[Waiver] = Field(default_factory=list, description="known changes, for a while")
    baseline: BaselineSource = Field(default_factory=BaselineSource)

    @field_validator("waiver")
    @classmethod
    def _waivable(cls, waivers: list[Waiver], info: ValidationInfo) -> list[Waiver]:
        gate = info.data.get("gate")  # absent when it is wrong itself
        if isinstance(gate, Gate):
            gate.check_waivers(waivers)
        return waivers

    @model_validator(mode="after")
    def _enough_samples(self) -> Scenario:
        if self.load.driver == "command":
            return self
        answers = self.load.rate * self.load.duration_s
        for metric in self.gate.metrics:
            if metric.quantile is None:
                continue
            beyond = 1 - metric.quantile
            if answers * beyond < WANTED_EXCEEDING - 1e-6:
                needed_s = WANTED_EXCEEDING / (beyond * self.load.rate)
                raise ValueError(
                    f"{metric.name} needs about {WANTED_EXCEEDING} requests beyond it in each "
                    f"run: set load.duration_s to {needed_s:.3g} or more at this rate, or gate a "
                    "lower quantile"
                )
        return self

    @model_validator(mode="after")
    def _watched_within_the_budget(self) -> Scenario:
        spikes, most_s = self.gate.spikes, self.gate.max_pairs * self.load.duration_s
        if spikes.enabled and spikes.watch_s > most_s:
            raise ValueError(
                f"gate.spikes.watch_s of {spikes.watch_s:g} s cannot be reached: {most_s:g} s are "
                "gate.max_pairs runs of load.duration_s"
            )
        return self

    @model_validator(mode="after")
    def _sent_as_asked(self) -> Scenario:
        if self.load.driver == "command" and self.gate.interleave == "slice":
            raise ValueError(
                'gate.interleave = "slice" needs the http or tcp driver, which choose when each '
                'request goes to which arm: with a command use "request" (both arms at once) or '
                '"block"'
            )
        return self

    def measured_hash(self) -> str:
        """Hash of what shapes the numbers: service, load and probe, without image and budget.

        Campaigns with different hashes are not comparable.  The image is left out because it is
        what a comparison varies, and so is what a compose file says.
        """
        stack = {"compose", "service"} if self.service.compose is None else set()
        shape = {
            "service": self.service.model_dump(exclude={"image", "build", *stack}),
            "load": self.load.model_dump(
                exclude={"max_errors", "max_lag_ms", "max_late_ms", "max_duration_s"}
            ),
        }
        text = json.dumps(shape, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
