"""``[service]``: the container under test, or the stack around it.  Models only."""

from __future__ import annotations

import re
import shlex

from pydantic import Field, model_validator

from socklat_gate.scenario.build import Build, BuildSource
from socklat_gate.scenario.cpus import CpuSet
from socklat_gate.scenario.secret import Text
from socklat_gate.scenario.strict import StrictModel

__all__ = ["NO_SPACE", "Ready", "Service"]

NO_SPACE = r"^\S+$"
"""A name of an image or a commit."""

_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

IN_COMPOSE_FILE = ("publish", "volumes", "tmpfs", "cpus", "memory")


class Ready(StrictModel):
    """When the service counts as started: one of tcp, http, https, log, command, healthcheck."""

    http: str | None = Field(
        None, pattern="^/", description="path that must respond with `status`", examples=["/health"]
    )
    https: str | None = Field(
        None,
        pattern="^/",
        description="the same over TLS, whatever the certificate",
        examples=["/health"],
    )
    status: int = Field(200, ge=100, le=599, description="status that `http` must respond with")
    host: str | None = Field(
        None,
        pattern=r"^[!-~]+$",
        description="`Host` of the request of `http` and `https`, where the service chooses by it",
        examples=["shop.example"],
    )
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port of `http`, `https` or the connection, where that is not `service.port`",
        examples=[9090],
    )
    log: str | None = Field(
        None, description="regular expression that a log line must match", examples=["ready"]
    )
    command: str | list[str] | None = Field(
        None,
        min_length=1,
        description="command that must end with exit code 0, run in the container",
        examples=[["pg_isready", "-q"]],
    )
    healthcheck: bool = Field(
        False,
        description="the image's own HEALTHCHECK (or the compose file's) must succeed; the gate "
        "runs it, and Docker none in a container that is no part of a stack",
    )
    timeout_s: float = Field(30.0, gt=0, le=600, description="a later start is an error")

    @model_validator(mode="after")
    def _one_way(self) -> Ready:
        ways = (self.http, self.https, self.log, self.command, self.healthcheck or None)
        if sum(way is not None for way in ways) > 1:
            raise ValueError(
                "give one of http, https, log, command and healthcheck (none: a TCP connection is "
                "enough)"
            )
        if self.host is not None and self.http is None and self.https is None:
            raise ValueError("host belongs to http or https")
        if self.port is not None and any(way is not None for way in ways[2:]):
            raise ValueError("port belongs to http, https or a TCP connection")
        if isinstance(self.command, str):
            try:
                shlex.split(self.command)
            except ValueError as error:
                raise ValueError(
                    f"command cannot be split into words: {error}; give a list of them"
                ) from None
        if self.log:
            try:
                re.compile(self.log)
            except re.error as error:
                raise ValueError(f"log is not a regular expression: {error}") from None
        return self


class Service(StrictModel):
    """The container under test."""

    image: str | None = Field(
        None,
        pattern=NO_SPACE,
        description="candidate image; pulled if missing",
        examples=["shop-api:dev"],
    )
    build: BuildSource | None = Field(
        None,
        description="directory with a Dockerfile, instead of image; or a table, see below",
        examples=["."],
    )
    compose: str | list[str] | None = Field(
        None,
        min_length=1,
        description="compose file, instead of both: each arm is the whole stack; an override "
        "beside it is merged as compose does, a list is merged in its order and is all there is",
        examples=["docker-compose.yml", ["docker-compose.yml", "gate.yml"]],
    )
    service: str | None = Field(
        None, description="the compose file's service under test", examples=["api"]
    )
    shared: list[str] = Field(
        default_factory=list,
        description="keys of the compose file that both arms may share, such as an external "
        "network; anything else that they would share is refused",
        examples=[["networks.proxy", "volumes.media"]],
    )
    command: str | list[str] | None = Field(
        None, description="in place of the image's own", examples=[["./api", "--workers", "2"]]
    )
    env: dict[str, Text] = Field(
        default_factory=dict,
        description="environment variables; a value can be a secret's place",
        examples=[{"LOG_LEVEL": "warning", "API_TOKEN": {"env": "API_TOKEN"}}],
    )
    port: int = Field(
        ge=1, le=65535, description="port the service listens on, in the container", examples=[8080]
    )
    publish: int | None = Field(
        None,
        ge=1,
        le=65534,
        description="also reach it at 127.0.0.1:publish (baseline) and publish + 1 (candidate); "
        "further containers of gate.containers have the next ports",
        examples=[18080],
    )
    ipv6: bool = Field(
        False,
        description="reach it by IPv6: its network gets IPv6 addresses, for a service that "
        "listens on no other",
    )
    volumes: list[str] = Field(
        default_factory=list, description="host:container[:ro]", examples=[["./data:/data:ro"]]
    )
    tmpfs: list[str] = Field(
        default_factory=list,
        description="container paths kept in memory",
        examples=[["/cache"]],
    )
    cpus: float | None = Field(
        None, gt=0, description="most CPUs that a container may use", examples=[1.5]
    )
    cpuset: CpuSet | list[CpuSet] | None = Field(
        None,
        description="CPUs of both arms, or a list of two sets: which arm gets which is flipped; "
        "without it each arm has its own where there are 3 CPUs or more",
        examples=[["0-1", "2-3"]],
    )
    memory: str | None = Field(
        None,
        pattern=r"^\d+[bkmg]?$",
        description="most memory that a container may use",
        examples=["512m"],
    )
    log_lines: int = Field(
        0,
        ge=0,
        le=50,
        description="last log lines, of a container that failed or a load tool, that reports and "
        "comments show too; the job's own log has them anyway",
    )
    ready: Ready = Field(default_factory=Ready, description="when it counts as started")

    @model_validator(mode="after")
    def _image_or_build(self) -> Service:
        if self.build and (self.image or self.compose):
            raise ValueError("give one of image, build and compose")
        if self.ipv6 and self.publish:
            raise ValueError("publish is reached by IPv4: leave it out with ipv6")
        if isinstance(self.cpuset, list) and len(self.cpuset) != 2:
            raise ValueError("cpuset is one set of CPUs, or a list of two")
        return self

    @model_validator(mode="after")
    def _of_the_stack(self) -> Service:
        if bool(self.compose) != bool(self.service):
            raise ValueError("compose and service, the one under test in it, belong together")
        if self.shared and not self.compose:
            raise ValueError("shared names keys of a compose file: it belongs to compose")
        elsewhere = [name for name in IN_COMPOSE_FILE if self.compose and getattr(self, name)]
        if elsewhere:
            raise ValueError(f"{', '.join(elsewhere)}: with compose this belongs in that file")
        return self

    @property
    def memory_bytes(self) -> int | None:
        """``memory`` in bytes; None where there is no limit, which Docker writes as 0 too."""
        if self.memory is None:
            return None
        text = self.memory if self.memory[-1] in _UNITS else f"{self.memory}b"
        return int(text[:-1]) * _UNITS[text[-1]] or None

    @property
    def built(self) -> Build | None:
        """``build`` with all its keys; None where nothing is built."""
        if isinstance(self.build, str):
            return Build(context=self.build) if self.build else None
        return self.build

    @property
    def compose_names(self) -> tuple[str, ...]:
        """The names in ``compose``, a text or a list."""
        return (self.compose,) if isinstance(self.compose, str) else tuple(self.compose or ())

    @property
    def shared_keys(self) -> frozenset[str]:
        """``shared`` as keys are told apart: a network or volume as a whole."""
        of_part = ("networks.", "volumes.")
        return frozenset(
            ".".join(key.split(".")[:2]) if key.startswith(of_part) else key for key in self.shared
        )

    def cpuset_of(self, arm: int, *, swapped: bool) -> str | None:
        """The CPUs of an arm by its index; ``swapped`` is the coin flip for a list of two."""
        if isinstance(self.cpuset, list):
            return self.cpuset[arm ^ swapped]
        return self.cpuset
