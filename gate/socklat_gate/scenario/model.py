"""The document socklat.toml.  Models only."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from socklat_gate.measured.names import STARTUP
from socklat_gate.scenario.blocks import check_blocks
from socklat_gate.scenario.default_gate import DEFAULT_GATE
from socklat_gate.scenario.exceeding import is_enough
from socklat_gate.scenario.gating import WANTED_EXCEEDING, Gate, Waiver
from socklat_gate.scenario.load import Load
from socklat_gate.scenario.located import problem_at
from socklat_gate.scenario.named_requests import (
    all_per_run,
    check_requests,
    expected_per_run,
    names_of,
    with_named_metrics,
)
from socklat_gate.scenario.renamed import with_old_keys
from socklat_gate.scenario.service import NO_SPACE, Service
from socklat_gate.scenario.shape import former_hashes, measured_hash
from socklat_gate.scenario.strict import StrictModel
from socklat_gate.scenario.watch import check_watch, with_watch_in_time
from socklat_gate.scenario.whole_stage import check_stages, with_whole_stage

__all__ = ["BaselineSource", "Probe", "Scenario"]

MIB = 1 << 20


class Probe(StrictModel):
    """The kernel side."""

    max_connections: int = Field(
        16_384, ge=1, le=4_000_000, description="connections tracked at once"
    )
    detail: Literal["headline", "full"] = Field(
        "headline", description='"full" adds rx_stack, bridge, tx_stack, runq and drops by reason'
    )
    spike_factor: float = Field(
        3.0,
        gt=1,
        description="an exchange from so many times the warm-up's p99 on is shown",
    )


class BaselineSource(StrictModel):
    """Where the reference comes from when the command line does not say."""

    image: str | None = Field(
        None,
        pattern=NO_SPACE,
        description="image of the baseline arm",
        examples=["shop-api:released"],
    )
    pull: Literal["missing", "always"] = Field(
        "missing",
        description='"always" asks the registry for a newer image of that name before each job',
    )
    release: str | None = Field(
        None,
        pattern=NO_SPACE,
        max_length=200,
        description="pinned release that `gate --nightly` compares with: a tag, a commit or an "
        "image",
        examples=["v1.4.0"],
    )
    command: str | list[str] | None = Field(
        None,
        description="command of the baseline arm, if it differs from the service's",
        examples=[["./api", "--old"]],
    )


class Scenario(StrictModel):
    """The document socklat.toml."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$",
        description="key of its baselines",
        examples=["shop-api"],
    )
    service: Service = Field(description="the container under test")
    load: Load = Field(description="what is sent, and how often")
    probe: Probe = Field(default_factory=Probe, description="the kernel side")
    gate: Gate = Field(default_factory=Gate, description="the decision", validate_default=True)
    waiver: list[Waiver] = Field(
        default_factory=list, description="known changes, accepted for now"
    )
    baseline: BaselineSource = Field(
        default_factory=BaselineSource,
        description="the reference, if no option names it",
    )

    @field_validator("gate")
    @classmethod
    def _of_named_requests(cls, gate: Gate, info: ValidationInfo) -> Gate:
        """Without metrics of its own, the gate has the default ones of the load's names too."""
        load = info.data.get("load")  # absent when it is wrong itself
        if not isinstance(load, Load):
            return gate
        check_requests(gate, load)
        check_stages(gate, load)
        gate = with_whole_stage(gate, load)
        return gate if load.rate == "auto" else with_named_metrics(gate, load)

    @field_validator("gate")
    @classmethod
    def _watch_in_time(cls, gate: Gate) -> Gate:
        return with_watch_in_time(gate, gate.watch)

    @field_validator("gate")
    @classmethod
    def _limits_can_be_exceeded(cls, gate: Gate, info: ValidationInfo) -> Gate:
        """What takes longer than its timeout is an error, and no latency."""
        load = info.data.get("load")  # absent when it is wrong itself
        if not isinstance(load, Load):
            return gate
        ends = {"a request": ("load.timeout_s", 1000 * load.timeout_s)}
        if isinstance(service := info.data.get("service"), Service):
            ends["a start"] = ("service.ready.timeout_s", 1000 * service.ready.timeout_s)
        for metric in gate.limited:
            what = "a start" if metric.stage == STARTUP else "a request"
            if metric.limit_ms is None or what not in ends:
                continue
            key, timeout_ms = ends[what]
            if metric.limit_ms >= timeout_ms:
                raise ValueError(
                    f"limit_ms of {metric.name}, {metric.limit_ms:g}, can never be exceeded: "
                    f"{what} ends after {key}, {timeout_ms:g} ms"
                )
        return gate

    @field_validator("gate")
    @classmethod
    def _memory_can_be_exceeded(cls, gate: Gate, info: ValidationInfo) -> Gate:
        """What takes more than its container may is killed, and no measurement."""
        service = info.data.get("service")  # absent when it is wrong itself
        most_bytes = service.memory_bytes if isinstance(service, Service) else None
        for at, metric in enumerate(gate.metrics):
            if metric.limit_mib is None or most_bytes is None:
                continue
            if metric.limit_mib * MIB >= most_bytes:
                raise problem_at(
                    f"{metric.limit_mib:g} MiB can never be exceeded: a container ends at "
                    f"service.memory, {most_bytes / MIB:g} MiB",
                    *("metrics", at, "limit_mib"),
                )
        return gate

    @field_validator("waiver")
    @classmethod
    def _waivable(cls, waivers: list[Waiver], info: ValidationInfo) -> list[Waiver]:
        gate = info.data.get("gate")  # absent when it is wrong itself
        if isinstance(gate, Gate):
            load = info.data.get("load")
            gate.check_waivers(waivers, names_of(load) if isinstance(load, Load) else ())
        return waivers

    @model_validator(mode="after")
    def _enough_samples(self) -> Scenario:
        if self.load.driver == "command" or self.load.rate == "auto":
            return self
        by_name = expected_per_run(self.load)
        short: list[tuple[float, int, str]] = []
        for at, metric in enumerate(self.gate.metrics):
            if metric.quantile is None:
                continue
            expected = by_name[metric.request] if metric.request else all_per_run(self.load)
            if not is_enough(expected, metric.quantile):
                needed_s = self.load.duration_s * WANTED_EXCEEDING
                needed_s /= (1 - metric.quantile) * expected
                share = f", of which {expected:.3g} come" if metric.request else ""
                text = (
                    f"{metric.name} needs about {WANTED_EXCEEDING} requests beyond it in each "
                    f"run{share}: set load.duration_s to {needed_s:.3g} or more at this rate, or "
                    "gate a lower quantile"
                )
                short.append((needed_s, at, text))
        if not short:
            return self
        # The duration that is enough for all of them, so that it is told once.
        _, at, text = max(short, key=lambda one: one[0])
        if "metrics" not in self.gate.model_fields_set:
            raise problem_at(f"by default {text}, in [[gate.metrics]]", "load", "duration_s")
        raise problem_at(text, "gate", "metrics", at, "quantile")

    @model_validator(mode="after")
    def _capacity_can_be_tried(self) -> Scenario:
        metric = self.gate.capacity_metric
        if metric is not None and self.load.driver == "command":
            at = self.gate.metrics.index(metric)
            raise problem_at(
                'load.driver = "command" cannot be sent at other rates: use a driver of our own, '
                '"http" or "tcp", or take the metric away',
                *("gate", "metrics", at, "stage"),
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
    def _blocks_can_be_measured(self) -> Scenario:
        check_blocks(self)
        return self

    @model_validator(mode="after")
    def _watch_fits_the_budget(self) -> Scenario:
        check_watch(self)
        return self

    @model_validator(mode="after")
    def _one_port_one_protocol(self) -> Scenario:
        ready = self.service.ready
        same_port = ready.port in (None, self.service.port)
        if self.load.tls is not None and ready.http is not None and same_port:
            raise ValueError(
                "service.ready.http would ask without TLS on the port that load.tls is for: write "
                "service.ready.https"
            )
        return self

    @model_validator(mode="after")
    def _check_sending(self) -> Scenario:
        if self.load.driver == "command" and self.gate.interleave == "slice":
            raise ValueError(
                'gate.interleave = "slice" needs the http or tcp driver, which choose when each '
                'request goes to which arm: with a command use "request" (both arms at once) or '
                '"block"'
            )
        return self

    def measured_hash(self) -> str:
        """Hash of what shapes the numbers: campaigns with different ones are not comparable."""
        return measured_hash(self)

    def former_hashes(self) -> tuple[str, ...]:
        """Other hashes by which older documents may know this scenario."""
        return former_hashes(self)

    def hashes(self) -> tuple[str, ...]:
        """All of them, today's first."""
        return self.measured_hash(), *self.former_hashes()

    def gate_hash(self) -> str:
        """Hash of the rule that a study judged by: ``[gate]`` without its budgets."""
        rule = self.gate.model_dump(
            mode="json",
            # A study starts no replicas beside its pairs.
            exclude={"max_pairs", "max_minutes", "max_steal", "max_excluded_pairs", "watch"},
        )
        if rule["containers"] == DEFAULT_GATE.containers:
            del rule["containers"]  # a study from before there was the key keeps its hash
        with_old_keys({"gate": rule})
        text = json.dumps(rule, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
