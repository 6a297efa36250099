"""One gated metric: a quantile, a number of the container, or the highest rate.  Model only."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from socklat_gate.measured.names import (
    CAPACITY,
    CLIENT,
    CPU,
    MEMORY,
    OF_CONTAINER,
    REQUEST_STAGES,
    STARTUP,
)
from socklat_gate.scenario.default_gate import DEFAULT_GATE, Judged, MetricName
from socklat_gate.scenario.strict import StrictModel

__all__ = ["Metric", "default_metrics"]

MAX_TOLERANCE = 1.0
MAX_REGRESSION_THRESHOLD = 2.0
MAX_LOSS, MAX_LOSS_THRESHOLD = 0.5, 0.9
"""Beyond these a pass would mean little: twice as slow, or half of the capacity, is accepted."""

WITHOUT_QUANTILE = (*OF_CONTAINER, CAPACITY)
LIMITS = ("limit_ms", "limit_mib")
ZONE = ("tolerance", "regression_threshold")
MAY_LACK = ("request", *ZONE, *LIMITS, "within_ms", "share")
DEFAULT_SHARE = 0.99
DEFAULT_ZONES = {CAPACITY: (0.05, 0.15), STARTUP: (0.05, 0.15), MEMORY: (0.03, 0.1)}
"""Of the stages that have a zone without one being given, unless a limit is all that is asked."""


def _no_default(schema: dict[str, Any]) -> None:
    """0 stands for "not given", and may not be given."""
    schema.pop("default")


class Metric(MetricName, StrictModel):
    """One gated quantile with its indifference zone, as relative changes, or its absolute limit.

    Stage ``cpu`` is the CPU time that the container uses per request, ``startup`` how long it took
    until it was ready, ``memory`` the most memory that it held, ``capacity`` the highest rate that
    is carried, whose tolerance and threshold are losses; these have no quantile.
    ``tolerance`` and ``regression_threshold`` are 0 where only a limit is given: the metric is
    not compared with the baseline then.
    """

    request: str | None = Field(
        None,
        min_length=1,
        description="name of a [[load.request]] whose exchanges alone are judged; none: all",
        examples=["checkout"],
    )
    stage: Judged = Field(
        "response",
        description='stage whose quantile is judged; "cpu": CPU time per request; "startup": '
        'the time from the order to start the container until it is ready; "memory": its peak '
        'memory; "capacity": the highest rate that is carried, by staircases that follow the '
        'pairs; "client": the driver\'s clock, which with load.streams above 1 is in place of an '
        "exchange's stages",
    )
    quantile: float | None = Field(
        None,
        gt=0,
        lt=1,
        description='judged quantile; none for stages "cpu", "startup", "memory" and "capacity"',
        examples=[0.99],
    )
    tolerance: float = Field(
        0.0,
        gt=0,
        le=MAX_TOLERANCE,
        description="increases up to this are accepted (d0); may be left out beside a limit; of "
        'stage "capacity" the loss that is accepted [0.05]; of "startup" [0.05], of "memory" '
        "[0.03]",
        examples=[0.05],
        json_schema_extra=_no_default,
    )
    regression_threshold: float = Field(
        0.0,
        gt=0,
        le=MAX_REGRESSION_THRESHOLD,
        description="increases from this on must fail (d1); above tolerance, and given with it; of "
        'stage "capacity" the loss that must fail [0.15]; of "startup" [0.15], of "memory" [0.1]',
        examples=[0.15],
        json_schema_extra=_no_default,
    )
    limit_ms: float | None = Field(
        None,
        gt=0,
        description="absolute limit: the candidate's quantile, or its start-up time, must be shown "
        "to be below it, whatever the baseline's is",
        examples=[50.0],
    )
    limit_mib: float | None = Field(
        None,
        gt=0,
        description='of stage "memory": the same limit in MiB (1,048,576 bytes)',
        examples=[256.0],
    )
    within_ms: float | None = Field(
        None,
        gt=0,
        le=600_000,
        description='of stage "capacity": a response counts if it comes within this; none: 10 '
        "times the p99 that the baseline has at a low rate, at least 10",
        examples=[100.0],
    )
    share: float | None = Field(
        None,
        ge=0.5,
        le=0.999,
        description='of stage "capacity": part of the requests that must get one [0.99]',
        examples=[0.99],
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_stage(cls, data: Any) -> Any:
        """Some have a zone without one being given; a capacity that of `socklat-gate capacity`."""
        if not isinstance(data, dict) or data.get("stage") not in DEFAULT_ZONES:
            return data
        stage = data["stage"]
        given = {*ZONE, *(LIMITS if stage != CAPACITY else ())} & data.keys()
        zone = {} if given else dict(zip(ZONE, DEFAULT_ZONES[stage], strict=True))
        share = {"share": DEFAULT_SHARE} if stage == CAPACITY else {}
        return {**share, **zone, **data}

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not given, so that it can be read again and older hashes stay."""
        dumped = handler(self)
        return {name: value for name, value in dumped.items() if value or name not in MAY_LACK}

    @model_validator(mode="after")
    def _check_order(self) -> Metric:
        missing = [name for name in ZONE if not getattr(self, name)]
        if missing and (len(missing) == 1 or self.limit is None):
            limit = "limit_mib" if self.stage == MEMORY else "limit_ms"
            raise ValueError(f"{missing[0]}: field required (only {limit} does without a zone)")
        if not missing and self.regression_threshold <= self.tolerance:
            raise ValueError("regression_threshold must be larger than tolerance")
        if self.stage == CAPACITY:
            self._check_capacity()
        elif self.within_ms is not None or self.share is not None:
            key = "within_ms" if self.within_ms is not None else "share"
            raise ValueError(f'{key} is of stage "capacity" alone')
        if self.stage in OF_CONTAINER:
            self._check_of_container()
        if self.request is not None and self.stage not in {CLIENT, *REQUEST_STAGES}:
            raise ValueError(
                f"stage {self.stage} is not known by request: use {', '.join(REQUEST_STAGES)}"
            )
        if self.limit_mib is not None and self.stage != MEMORY:
            raise ValueError('limit_mib is of stage "memory" alone: a time has limit_ms')
        if self.stage in WITHOUT_QUANTILE and self.quantile is not None:
            raise ValueError(f"stage {self.stage} has no quantile: leave it out")
        if self.stage not in WITHOUT_QUANTILE and self.quantile is None:
            raise ValueError(
                f"quantile is missing (only stages {', '.join(WITHOUT_QUANTILE)} have none)"
            )
        return self

    def _check_of_container(self) -> None:
        if self.request is not None:
            what = {CPU: "the CPU time", STARTUP: "the start-up time", MEMORY: "the memory"}
            raise ValueError(
                f"stage {self.stage} has no request: {what[self.stage]} of a container is not "
                "known by request"
            )
        if self.stage == CPU and self.limit_ms is not None:
            raise ValueError("stage cpu has no limit_ms: it is no latency")
        if self.stage == MEMORY and self.limit_ms is not None:
            raise ValueError("stage memory has no limit_ms: it is no time, use limit_mib")

    def _check_capacity(self) -> None:
        if self.request is not None:
            raise ValueError("stage capacity has no request: all requests are sent as they are due")
        if self.limit_ms is not None:
            raise ValueError(
                "stage capacity has no limit_ms: within_ms is how long a response may take"
            )
        if self.tolerance > MAX_LOSS or self.regression_threshold > MAX_LOSS_THRESHOLD:
            raise ValueError(
                "a loss of capacity is a part of the baseline's: tolerance is at most "
                f"{MAX_LOSS:g} and regression_threshold {MAX_LOSS_THRESHOLD:g}"
            )


def default_metrics() -> list[Metric]:
    """The three headline quantiles and CPU time per request with their default zones."""
    return [Metric(**vars(metric)) for metric in DEFAULT_GATE.metrics]
