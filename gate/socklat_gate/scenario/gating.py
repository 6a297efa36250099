"""What a scenario has judged: the gate's limits, rare spikes and waivers.  Models only."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import (
    Field,
    field_validator,
)

from socklat_gate.measured.names import SPIKES, Stage
from socklat_gate.scenario.default_gate import (
    DEFAULT_GATE,
    AnswerKind,
    Containers,
    Judged,
)
from socklat_gate.scenario.exceeding import MIN_EXCEEDING, WANTED_EXCEEDING
from socklat_gate.scenario.gate_rules import GateRules
from socklat_gate.scenario.metric import Metric, default_metrics
from socklat_gate.scenario.strict import StrictModel
from socklat_gate.scenario.watch import Watch

__all__ = [
    "MIN_EXCEEDING",
    "SPIKES",
    "WANTED_EXCEEDING",
    "Gate",
    "Judged",
    "Metric",
    "Spikes",
    "Stage",
    "Waiver",
    "Watch",
    "default_metrics",
]

DEFAULT_SPIKES = DEFAULT_GATE.spikes


MAX_CEILING_RATE = 100.0
MAX_ALPHA_PASS = 0.1
"""Beyond these a pass would mean little: every tenth pass is wrong."""


class Spikes(StrictModel):
    """What a rare spike is, and whether more of them fail the job."""

    enabled: bool = Field(
        DEFAULT_SPIKES.enabled, description="whether more spikes than the baseline's fail the job"
    )
    floor_ms: float = Field(
        DEFAULT_SPIKES.floor_ms, gt=0, description="a spike takes at least this long"
    )
    factor: float = Field(
        DEFAULT_SPIKES.factor,
        gt=1,
        description="and this many times the p99.9 of the baseline's usual run",
    )
    watch_s: float = Field(
        DEFAULT_SPIKES.watch_s,
        ge=0,
        description="exposure of the candidate, over all its runs, that a pass needs",
    )


class Waiver(StrictModel):
    """A known change that is accepted up to a ceiling for a while; the rest is judged as ever."""

    metric: str = Field(
        description='name such as "response_p99", "cpu_per_request", "spikes", "errors" or '
        '"growth_memory"',
        examples=["response_p99"],
    )
    ceiling: float = Field(
        gt=0,
        le=MAX_CEILING_RATE,
        description="increases up to this are accepted (spikes and capacity: of their rate; "
        "capacity_rps: a loss of this part; errors and connections: per request, so that 0.002 "
        "accepts 2 more in 1000; growth: for each minute of life)",
        examples=[0.3],
    )
    expires: date = Field(description="last day on which it holds", examples=[date(2027, 3, 31)])
    link: str = Field(
        pattern=r"^https?://\S+$",
        description="where the decision is written down",
        examples=["https://tracker.example/PERF-123"],
    )
    baseline: str = Field(
        pattern=r"^([0-9a-f]{7,64}|sha256:[0-9a-f]{12,64})$",
        description="commit (of `git merge-base HEAD main`) or image id of the baseline that it is "
        "given for; a baseline that has the change already is judged without it",
        examples=["1f2e3d4c5b6a"],
    )


class Gate(GateRules, StrictModel):
    """The decision: error rates and budget."""

    alpha: float = Field(DEFAULT_GATE.alpha, gt=0, lt=0.5, description="false-alarm rate of a job")
    alpha_pass: float = Field(
        DEFAULT_GATE.alpha_pass,
        gt=0,
        le=MAX_ALPHA_PASS,
        description="rate of passes that should fail",
    )
    max_pairs: int = Field(
        DEFAULT_GATE.max_pairs,
        ge=1,
        le=1000,
        description="budget: undecided after so many pairs is inconclusive",
    )
    max_minutes: float = Field(
        DEFAULT_GATE.max_minutes,
        gt=0,
        le=600,
        description="budget: undecided after so many minutes is inconclusive",
    )
    max_steal: float = Field(
        DEFAULT_GATE.max_steal,
        gt=0,
        le=1,
        description="a pair with more stolen CPU time is excluded",
    )
    max_excluded_pairs: int = Field(
        DEFAULT_GATE.max_excluded_pairs, ge=0, description="more pairs excluded than this: invalid"
    )
    max_overlap: float = Field(
        DEFAULT_GATE.max_overlap, ge=0, le=1, description="allowed share of overlapped requests"
    )
    interleave: Literal["request", "slice", "block"] = Field(
        DEFAULT_GATE.interleave,
        description="what is sent to one arm or the other by coin flip: each request, slices of "
        "slice_ms (runs then last twice as long), or blocks of duration_s with one container at a "
        "time",
    )
    slice_ms: float = Field(DEFAULT_GATE.slice_ms, ge=50, le=250, description='length of a "slice"')
    pairs_per_start: int = Field(
        DEFAULT_GATE.pairs_per_start,
        ge=1,
        le=50,
        description="pairs on the same containers: one cluster",
    )
    containers: Containers = Field(
        DEFAULT_GATE.containers,
        description="containers of each arm that run at the same time, as a block; each gets its "
        'part of load.rate and load.connections; "auto": as many as memory, CPUs and start-up '
        "time allow",
    )
    errors: bool = Field(
        DEFAULT_GATE.errors,
        description="whether more failed requests than the baseline's fail the job",
    )
    capacity: bool = Field(
        DEFAULT_GATE.capacity,
        description="whether the job fails when only the candidate cannot carry the load",
    )
    connections: bool = Field(
        DEFAULT_GATE.connections,
        description="whether the job fails when clients of the candidate open more connections",
    )
    accept_answers: list[AnswerKind] = Field(
        default_factory=list,
        description='what of the responses may change: "statuses" (their mix), "sizes", "tls" (an '
        "older version); another difference keeps a pass away",
        examples=[["sizes"]],
    )
    metrics: list[Metric] = Field(
        default_factory=default_metrics,
        min_length=1,
        description="what is judged; default: p50, p90 and p99 of response, and CPU time; with "
        "[[load.request]] also those quantiles of each request of which enough come in a run",
    )
    spikes: Spikes = Field(default_factory=Spikes, description="rare spikes")
    watch: Watch = Field(
        default_factory=Watch, description="replicas that stay up beside the pairs"
    )

    @field_validator("containers", mode="before")
    @classmethod
    def _whole_number(cls, containers: object) -> object:
        """`True` and 2.0 equal 1 and 2, which is all that a `Literal` asks."""
        if isinstance(containers, bool | float):
            raise ValueError("input should be 'auto', 1, 2 or 4")
        return containers

    @field_validator("metrics")
    @classmethod
    def _no_twins(cls, metrics: list[Metric]) -> list[Metric]:
        names = [metric.name for metric in metrics]
        if len(set(names)) != len(names):
            raise ValueError("the same stage and quantile is gated twice")
        return metrics

    @field_validator("metrics")
    @classmethod
    def _limits_agree(cls, metrics: list[Metric]) -> list[Metric]:
        """A higher quantile is never smaller, so that a lower limit of it makes the other void."""
        limited = [(m.quantile, m.limit_ms, m) for m in metrics if m.quantile and m.limit_ms]
        for low, low_ms, one in limited:
            for high, high_ms, other in limited:
                alike = (one.stage, one.request) == (other.stage, other.request)
                if alike and low < high and high_ms < low_ms:
                    raise ValueError(
                        f"limit_ms of {other.name}, {high_ms:g}, is below that of {one.name}, "
                        f"{low_ms:g}, which then says nothing: raise the first or lower the second"
                    )
        return metrics
