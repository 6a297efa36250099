"""What a scenario has judged: metrics, the gate's limits, rare spikes and waivers.  Models only."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from socklat_gate.measured.names import REQUEST_STAGES, SPIKES, Stage
from socklat_gate.scenario.default_gate import (
    DEFAULT_GATE,
    AnswerKind,
    GateRules,
    Judged,
    MetricName,
)
from socklat_gate.scenario.exceeding import MIN_EXCEEDING, WANTED_EXCEEDING
from socklat_gate.scenario.strict import StrictModel

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
    "default_metrics",
]

DEFAULT_SPIKES = DEFAULT_GATE.spikes


MAX_TOLERANCE = 1.0
MAX_REGRESSION_THRESHOLD = 2.0
MAX_CEILING_RATE = 100.0
MAX_ALPHA_PASS = 0.1
"""Beyond these a pass would mean little: twice as slow is accepted, every tenth pass is wrong."""


def _no_default(schema: dict[str, Any]) -> None:
    """0 stands for "not given", and may not be given."""
    schema.pop("default")


class Metric(MetricName, StrictModel):
    """One gated quantile with its indifference zone, as relative changes, or its absolute limit.

    Stage ``cpu`` is the CPU time that the container uses per request; it has no quantile.
    ``tolerance`` and ``regression_threshold`` are 0 where only ``limit_ms`` is given: the metric is
    not compared with the baseline then.
    """

    request: str | None = Field(
        None,
        min_length=1,
        description="name of a [[load.request]] whose exchanges alone are judged; none: all",
        examples=["checkout"],
    )
    stage: Judged = Field(
        "response", description='stage whose quantile is judged, or "cpu": CPU time per request'
    )
    quantile: float | None = Field(
        None, gt=0, lt=1, description='judged quantile; none for stage "cpu"', examples=[0.99]
    )
    tolerance: float = Field(
        0.0,
        gt=0,
        le=MAX_TOLERANCE,
        description="increases up to this are accepted (d0); may be left out beside limit_ms",
        examples=[0.05],
        json_schema_extra=_no_default,
    )
    regression_threshold: float = Field(
        0.0,
        gt=0,
        le=MAX_REGRESSION_THRESHOLD,
        description="increases from this on must fail (d1); above tolerance, and given with it",
        examples=[0.15],
        json_schema_extra=_no_default,
    )
    limit_ms: float | None = Field(
        None,
        gt=0,
        description="absolute limit: the candidate's quantile must be shown to be below it, "
        "whatever the baseline's is",
        examples=[50.0],
    )

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not given, so that it can be read again and older hashes stay."""
        dumped = handler(self)
        may_lack = ("request", "tolerance", "regression_threshold", "limit_ms")
        return {name: value for name, value in dumped.items() if value or name not in may_lack}

    @model_validator(mode="after")
    def _check_order(self) -> Metric:
        zone = {
            "tolerance": self.tolerance,
            "regression_threshold": self.regression_threshold,
        }
        missing = [name for name, value in zone.items() if not value]
        if missing and (len(missing) == 1 or self.limit_ms is None):
            raise ValueError(f"{missing[0]}: field required (only limit_ms does without a zone)")
        if not missing and self.regression_threshold <= self.tolerance:
            raise ValueError("regression_threshold must be larger than tolerance")
        if self.stage == "cpu" and self.request is not None:
            raise ValueError(
                "stage cpu has no request: the CPU time of a container is not known by request"
            )
        if self.request is not None and self.stage not in REQUEST_STAGES:
            raise ValueError(
                f"stage {self.stage} is not known by request: use {', '.join(REQUEST_STAGES)}"
            )
        if self.stage == "cpu" and self.limit_ms is not None:
            raise ValueError("stage cpu has no limit_ms: it is no latency")
        if self.stage == "cpu" and self.quantile is not None:
            raise ValueError("stage cpu has no quantile: leave it out")
        if self.stage != "cpu" and self.quantile is None:
            raise ValueError("quantile is missing (only stage cpu has none)")
        return self


def default_metrics() -> list[Metric]:
    """The three headline quantiles and CPU time per request with their default zones."""
    return [Metric(**vars(metric)) for metric in DEFAULT_GATE.metrics]


class Spikes(StrictModel):
    """What a rare spike is, and whether more of them fail the job."""

    enabled: bool = Field(
        DEFAULT_SPIKES.enabled, description="whether more spikes than the baseline's fail the job"
    )
    floor_ms: float = Field(
        DEFAULT_SPIKES.floor_ms, gt=0, description="a spike takes at least this long"
    )
    factor: float = Field(
        DEFAULT_SPIKES.factor, gt=1, description="and this many times the baseline's p99.9"
    )
    watch_s: float = Field(
        DEFAULT_SPIKES.watch_s,
        ge=0,
        description="exposure of the candidate, over all its runs, that a pass needs",
    )


class Waiver(StrictModel):
    """A known change that is accepted up to a ceiling for a while; the rest is judged as ever."""

    metric: str = Field(
        description='name such as "response_p99", "cpu_per_request", "spikes" or "errors"',
        examples=["response_p99"],
    )
    ceiling: float = Field(
        gt=0,
        le=MAX_CEILING_RATE,
        description="increases up to this are accepted (spikes and capacity: of their rate; "
        "errors and connections: per request, so that 0.002 accepts 2 more in 1000)",
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
