"""``[load]``: what is sent, how often, and what counts as delivered.  Models only."""

from __future__ import annotations

from typing import Literal

from pydantic import (
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from socklat_gate.scenario.command import Command
from socklat_gate.scenario.cpus import CpuSet
from socklat_gate.scenario.expect import Expect
from socklat_gate.scenario.feeder import MAX_BYTES, Feeder, read_feeder
from socklat_gate.scenario.grpc import Grpc
from socklat_gate.scenario.grpc_files import descriptor_set_of
from socklat_gate.scenario.load_keys import check_keys
from socklat_gate.scenario.located import problem_at, read_file
from socklat_gate.scenario.mix import check_mix
from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.rate import Rate
from socklat_gate.scenario.rate_steps import check_steps
from socklat_gate.scenario.request import Request
from socklat_gate.scenario.response import check_end, check_expect
from socklat_gate.scenario.secret import Payload, Shown, Text, payload_shown
from socklat_gate.scenario.sent_requests import SentRequests
from socklat_gate.scenario.setup import Setup
from socklat_gate.scenario.strict import StrictModel
from socklat_gate.scenario.template import check_name
from socklat_gate.scenario.tls import Tls
from socklat_gate.scenario.workers import Workers

__all__ = ["Load"]


class Load(SentRequests, StrictModel):
    """Open-loop load: arrivals happen on schedule whatever the responses do."""

    driver: Literal["tcp", "http", "grpc", "websocket", "command"] = Field(
        "tcp",
        description='"http", "grpc", "websocket", "tcp" (a payload and its response), or any other '
        '"command"',
    )
    rate: Rate = Field(
        1000.0,
        description="requests per second and arm; or steps [seconds from the window's begin, "
        'requests per second], which begin anew with every duration_s; or "auto": as many as '
        "leave the baseline and the CPUs far from their limits, found when a job begins",
        examples=[1000.0, [[0, 200], [10, 800]], "auto"],
    )
    arrivals: Literal["poisson", "constant"] = Field(
        "poisson", description="how the times between requests are distributed"
    )
    connections: int = Field(32, ge=1, le=10_000, description="connections per arm")
    max_connections: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="opened at most when requests find none free; default: 10 times connections, "
        "or enough for a pause of a second",
        examples=[320],
    )
    duration_s: float = Field(8.0, gt=0, le=3600, description="measured window of a pair")
    max_duration_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        description="a run is extended up to this while stalls leave too few undisturbed "
        "requests; default: 4 times duration_s",
        examples=[32.0],
    )
    warmup_s: float = Field(
        1.0, ge=0, le=600, description="load before the measured window; not recorded"
    )
    timeout_s: float = Field(10.0, gt=0, le=600, description="a later response is an error")
    max_errors: float = Field(
        0.001,
        ge=0,
        le=1,
        description="share of failed requests above which a run is invalid; in a gate only if both "
        "arms are above it",
    )
    max_lag_ms: float = Field(
        100.0, gt=0, description="bound for the p99 wait of due requests for a free connection"
    )
    max_late_ms: float = Field(100.0, gt=0, description="bound for the driver's own p99 lateness")
    cpuset: CpuSet | None = Field(
        None, description="CPUs that the load driver runs on", examples=["0-1"]
    )
    workers: Workers = Field(
        "auto",
        description="processes of the built-in drivers that share the load and its connections; "
        '"auto": one, and more where the rate needs more than a CPU has and the machine has 4 CPUs '
        "or more",
        examples=[2, "auto"],
    )
    keep_alive: bool = Field(
        True,
        description="false: a new connection for each request; its time is then a part of what the "
        "clients waited, and of no stage",
    )
    tls: Tls | None = Field(
        None,
        description="TLS on every connection: true, or a table of its settings",
        examples=[{"ca_file": "ca.pem"}],
    )
    stand_in: bool = Field(
        False,
        description="the requests only stand in for real ones, as `init` writes it: a verdict then "
        "names what was asked",
    )
    # tcp
    payload: Payload | None = Field(
        None,
        description=r"request bytes; \r \n \t \0 \\ \xHH are escapes; or a list of parts, one of "
        "which can be a secret's place",
        examples=[r"PING\r\n"],
    )
    hello: Payload | None = Field(
        None,
        min_length=1,
        description="bytes of driver tcp that begin every connection, such as AUTH: they are no "
        "request, and their one response must be no error",
        examples=[["AUTH ", {"env": "REDIS_PASSWORD"}, r"\r\n"]],
    )
    response: Literal["resp"] | int | str = Field(
        "resp", description='end of a response: "resp", a length in bytes, or "until:DELIMITER"'
    )
    # http, grpc and websocket
    http: Literal["1.1", "2"] = Field(
        "1.1",
        description="version of HTTP: 2 with prior knowledge, or by ALPN with tls",
    )
    streams: int = Field(
        1,
        ge=1,
        le=1000,
        description="requests in flight on a connection of HTTP/2 or gRPC; with more than 1 the "
        "kernel cannot tell them apart: judged by the driver's clock, in stage client",
    )
    grpc: Grpc | None = Field(
        None,
        description="types of the messages of driver grpc; default: the service tells them by "
        "server reflection",
        examples=[{"descriptor_set": "shop.binpb"}],
    )
    method: str = Field("GET", pattern="^[A-Z]+$", description="method of the HTTP requests")
    path: str = Field(
        "/", pattern=r"^/\S*$", description="path of the HTTP requests; {column} is filled in"
    )
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="more headers of the HTTP requests; a value can be a secret's place",
        examples=[{"authorization": {"env": "API_TOKEN", "prefix": "Bearer "}}],
    )
    body: str | None = Field(None, description="body of the HTTP requests", examples=['{"id": 1}'])
    expect: Expect | None = Field(
        None,
        description="what a response has to be, else it counts as an error",
    )
    request: list[Request] = Field(
        default_factory=list,
        max_length=1000,
        description="requests of several kinds, in place of the one that [load] describes",
    )
    setup: list[Setup] = Field(
        default_factory=list,
        max_length=100,
        description="requests before the load, whose responses fill variables",
    )
    variables: dict[str, Text] = Field(
        default_factory=dict,
        description="values that {name} stands for; one can be a secret's place",
        examples=[{"tenant": "acme", "password": {"env": "CI_PASSWORD"}}],
    )
    feeder: str | None = Field(
        None,
        min_length=1,
        description="file of values that {column} stands for: CSV with a header, or JSON lines "
        "(.jsonl)",
        examples=["users.csv"],
    )
    # command
    command: Command | None = Field(
        None,
        description='the load tool of driver "command"',
        examples=[{"argv": ["wrk", "http://{host}:{port}/"]}],
    )

    @field_validator("tls", mode="before", json_schema_input_type=Tls | bool | None)
    @classmethod
    def _tls_by_a_word(cls, value: object) -> object:
        if isinstance(value, bool):
            return Tls() if value else None
        if value is not None and not isinstance(value, dict | Tls):
            raise ValueError('use true, or a table such as { ca_file = "ca.pem" }')
        return value

    _rows: Feeder | None = PrivateAttr(None)
    _before_finding: Load | None = PrivateAttr(None)

    @field_validator("payload", "hello")
    @classmethod
    def _payload(cls, value: str | list[Shown] | None) -> str | list[Shown] | None:
        parse_payload(payload_shown(value or ""))
        return value

    @field_validator("response")
    @classmethod
    def _response(cls, value: int | str) -> int | str:
        check_end(value)
        return value

    @field_validator("variables")
    @classmethod
    def _names(cls, variables: dict[str, Shown]) -> dict[str, Shown]:
        for name in variables:
            check_name(name)
        return variables

    @field_validator("rate")
    @classmethod
    def _shape(cls, rate: float | list[list[float]] | str) -> float | list[list[float]] | str:
        if isinstance(rate, list):
            check_steps(rate)
        return rate

    @field_validator("expect")
    @classmethod
    def _can_be_met(cls, expect: Expect | None, info: ValidationInfo) -> Expect | None:
        given = info.data  # without what is wrong itself
        if expect is not None and "driver" in given:
            check_expect(expect, given["driver"], given.get("method"), given.get("response"))
        return expect

    @model_validator(mode="after")
    def _keys_fit(self) -> Load:
        check_keys(self)
        return self

    @model_validator(mode="after")
    def _requests_fit(self, info: ValidationInfo) -> Load:
        if self.feeder is not None:
            try:
                content = read_file(self.feeder, info, MAX_BYTES)
                self._rows = read_feeder(self.feeder, content)
            except ValueError as error:
                raise problem_at(str(error), "feeder") from None
        check_mix(self, self._rows)
        return self

    def at_found_rate(self, rate_rps: float, duration_s: float) -> Load:
        """The load whose rate "auto" was found to be ``rate_rps``."""
        found = self.model_copy(update={"rate": rate_rps, "duration_s": duration_s})
        found._before_finding = self.before_finding or self
        return found

    @property
    def before_finding(self) -> Load | None:
        """The load as it is written, where this one's rate was found; else None."""
        return self._before_finding

    @property
    def rows(self) -> Feeder | None:
        """What is in the feeder."""
        return self._rows

    @property
    def descriptors(self) -> bytes:
        """Types of driver grpc's messages; empty: the service tells them.  Raises `UsageError`."""
        return descriptor_set_of(self.grpc)
