"""The scenario: what to start, how to load it, what to judge.  Models only.

`gate.scenario_file.load_scenario` reads one from TOML.  All models are frozen; unknown keys are
errors.  ``model_json_schema()`` of `Scenario` is what ``socklat-gate schema`` prints.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gate.load.payload import parse_payload

__all__ = [
    "BaselineSource",
    "Command",
    "Gate",
    "Load",
    "Metric",
    "Probe",
    "Ready",
    "Scenario",
    "Service",
]

HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
CpuSet = Annotated[str, Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$", examples=["0", "0-1,3"])]


Stage = Literal[
    "service",
    "recv_wait",
    "app",
    "respond",
    "send_wait",
    "deliver",
    "rx_stack",
    "bridge",
    "tx_stack",
    "accept_wait",
    "depend",
    "depend_connect",
    "established",
    "runq",
    "rx_process",
]
Judged = Literal[Stage, "cpu"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Ready(_Model):
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


class Service(_Model):
    """The container under test."""

    image: str | None = Field(None, min_length=1, description="candidate image; pulled if missing")
    build: str | None = Field(None, description="directory with a Dockerfile, instead of image")
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
    cpuset: CpuSet | None = None
    memory: str | None = Field(None, pattern=r"^\d+[bkmg]?$")
    ready: Ready = Field(default_factory=Ready)

    @model_validator(mode="after")
    def _image_or_build(self) -> Service:
        if self.image and self.build:
            raise ValueError("give image or build, not both")
        return self


class Command(_Model):
    """Any other load tool; its host, port, seed, rate and duration come in its environment."""

    argv: list[str] = Field(min_length=1)


class Load(_Model):
    """Open-loop load: arrivals happen on schedule whatever the answers do."""

    driver: Literal["tcp", "http", "command"] = "tcp"
    rate: float = Field(1000.0, gt=0, le=200_000, description="requests per second and arm")
    arrivals: Literal["poisson", "constant"] = "poisson"
    connections: int = Field(32, ge=1, le=10_000, description="connections per arm")
    duration_s: float = Field(8.0, gt=0, le=3600, description="measured window of a pair")
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
    def _driver_has_what_it_needs(self) -> Load:
        if self.driver == "tcp" and not self.payload:
            raise ValueError("driver tcp needs a payload")
        if self.driver == "command" and self.command is None:
            raise ValueError("driver command needs [load.command] with argv")
        for name, value in self.headers.items():
            if not re.fullmatch(HEADER_NAME, name) or re.search(r"[\r\n\0]", value):
                raise ValueError(f"header {name!r} cannot be sent")
        return self


class Probe(_Model):
    """The kernel side."""

    max_connections: int = Field(16_384, ge=1, le=4_000_000, description="tracked at once")
    detail: Literal["headline", "full"] = Field(
        "headline", description='"full" adds rx_stack, bridge, tx_stack, runq and drops by reason'
    )
    spike_factor: float = Field(
        3.0, gt=1, description="spikes: this many times the warm-up's p99 of service and more"
    )


class Metric(_Model):
    """One gated quantile with its indifference zone, as relative changes.

    Stage ``cpu`` is the CPU time that the container uses per request; it has no quantile.
    """

    stage: Judged = "service"
    quantile: float | None = Field(None, gt=0, lt=1)
    tolerance: float = Field(gt=0, description="changes up to this are accepted (d0), 0.02 = +2%")
    failure: float = Field(gt=0, description="changes from this on must be found (d1)")

    @model_validator(mode="after")
    def _ordered(self) -> Metric:
        if self.failure <= self.tolerance:
            raise ValueError("failure must be larger than tolerance")
        if self.stage == "cpu" and self.quantile is not None:
            raise ValueError("stage cpu has no quantile: leave it out")
        if self.stage != "cpu" and self.quantile is None:
            raise ValueError("quantile is missing (only stage cpu has none)")
        return self

    @property
    def name(self) -> str:
        """Short name, for instance ``service_p99``."""
        if self.quantile is None:
            return "cpu_per_request"
        return f"{self.stage}_p{100 * self.quantile:g}"


def default_metrics() -> list[Metric]:
    """The three headline quantiles with their default zones."""
    return [
        Metric(quantile=0.5, tolerance=0.02, failure=0.05),
        Metric(quantile=0.9, tolerance=0.03, failure=0.08),
        Metric(quantile=0.99, tolerance=0.05, failure=0.15),
    ]


class Gate(_Model):
    """The decision: error rates and budget."""

    alpha: float = Field(0.01, gt=0, lt=0.5, description="false-alarm rate of a job")
    alpha_pass: float = Field(0.05, gt=0, lt=0.5, description="rate of passes that should fail")
    max_pairs: int = Field(40, ge=1, le=1000)
    max_minutes: float = Field(10.0, gt=0, le=600)
    max_steal: float = Field(0.6, gt=0, le=1, description="pairs above this steal are set aside")
    max_set_aside: int = Field(5, ge=0, description="more pairs set aside than this: invalid")
    max_overlap: float = Field(0.01, ge=0, le=1, description="allowed share of overlapped requests")
    interleave: Literal["request", "slice", "block"] = Field(
        "request",
        description="what is sent to one arm or the other by coin flip: each request, slices of "
        "slice_ms, or blocks of duration_s with one container at a time",
    )
    slice_ms: float = Field(100.0, ge=50, le=250, description='length of a "slice"')
    pairs_per_start: int = Field(
        1, ge=1, le=50, description="pairs measured on the same containers, for slow starters"
    )
    metrics: list[Metric] = Field(default_factory=default_metrics, min_length=1)

    @field_validator("metrics")
    @classmethod
    def _no_twins(cls, metrics: list[Metric]) -> list[Metric]:
        names = [metric.name for metric in metrics]
        if len(set(names)) != len(names):
            raise ValueError("the same stage and quantile is gated twice")
        return metrics


class BaselineSource(_Model):
    """Where the reference comes from when the command line does not say."""

    image: str | None = None
    command: str | list[str] | None = Field(None, description="if it differs from the service's")


class Scenario(_Model):
    """A whole socklat.toml."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="key of its baselines")
    service: Service
    load: Load
    probe: Probe = Field(default_factory=Probe)
    gate: Gate = Field(default_factory=Gate)
    baseline: BaselineSource = Field(default_factory=BaselineSource)

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

    def measured_hash(self) -> str:
        """Hash of what shapes the numbers: service, load and probe, without image and budget.

        Campaigns with different hashes are not comparable.  The image is left out because it is
        what a comparison varies.
        """
        shape = {
            "service": self.service.model_dump(exclude={"image", "build"}),
            "load": self.load.model_dump(exclude={"max_errors", "max_lag_ms", "max_late_ms"}),
        }
        text = json.dumps(shape, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


MIN_EXCEEDING = 50
"""Fewest exchanges beyond a gated quantile in one run for its estimate to be usable."""

WANTED_EXCEEDING = 80
"""Expected number to ask for, so that a random split falls short of the minimum in 1 of 2000."""
