"""One gated metric: a quantile, CPU time per request, or the highest rate.  Model only."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from socklat_gate.measured.names import CAPACITY, CLIENT, REQUEST_STAGES
from socklat_gate.scenario.default_gate import DEFAULT_GATE, Judged, MetricName
from socklat_gate.scenario.strict import StrictModel

__all__ = ["Metric", "default_metrics"]

MAX_TOLERANCE = 1.0
MAX_REGRESSION_THRESHOLD = 2.0
MAX_LOSS, MAX_LOSS_THRESHOLD = 0.5, 0.9
"""Beyond these a pass would mean little: twice as slow, or half of the capacity, is accepted."""

WITHOUT_QUANTILE = ("cpu", CAPACITY)
MAY_LACK = ("request", "tolerance", "regression_threshold", "limit_ms", "within_ms", "share")
DEFAULT_SHARE = 0.99
DEFAULT_CAPACITY = {"tolerance": 0.05, "regression_threshold": 0.15}


def _no_default(schema: dict[str, Any]) -> None:
    """0 stands for "not given", and may not be given."""
    schema.pop("default")


class Metric(MetricName, StrictModel):
    """One gated quantile with its indifference zone, as relative changes, or its absolute limit.

    Stage ``cpu`` is the CPU time that the container uses per request, ``capacity`` the highest rate
    that is carried, whose tolerance and threshold are losses; these two have no quantile.
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
        "response",
        description='stage whose quantile is judged; "cpu": CPU time per request; "capacity": '
        'the highest rate that is carried, by staircases that follow the pairs; "client": the '
        "driver's clock, which with load.streams above 1 is in place of an exchange's stages",
    )
    quantile: float | None = Field(
        None,
        gt=0,
        lt=1,
        description='judged quantile; none for stages "cpu" and "capacity"',
        examples=[0.99],
    )
    tolerance: float = Field(
        0.0,
        gt=0,
        le=MAX_TOLERANCE,
        description="increases up to this are accepted (d0); may be left out beside limit_ms; of "
        'stage "capacity" the loss that is accepted [0.05]',
        examples=[0.05],
        json_schema_extra=_no_default,
    )
    regression_threshold: float = Field(
        0.0,
        gt=0,
        le=MAX_REGRESSION_THRESHOLD,
        description="increases from this on must fail (d1); above tolerance, and given with it; of "
        'stage "capacity" the loss that must fail [0.15]',
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
    def _capacity_defaults(cls, data: Any) -> Any:
        """A capacity has a zone without one being given; that of `socklat-gate capacity`."""
        if not isinstance(data, dict) or data.get("stage") != CAPACITY:
            return data
        zone = DEFAULT_CAPACITY if not {"tolerance", "regression_threshold"} & data.keys() else {}
        return {"share": DEFAULT_SHARE, **zone, **data}

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not given, so that it can be read again and older hashes stay."""
        dumped = handler(self)
        return {name: value for name, value in dumped.items() if value or name not in MAY_LACK}

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
        if self.stage == CAPACITY:
            self._check_capacity()
        elif self.within_ms is not None or self.share is not None:
            key = "within_ms" if self.within_ms is not None else "share"
            raise ValueError(f'{key} is of stage "capacity" alone')
        if self.stage == "cpu" and self.request is not None:
            raise ValueError(
                "stage cpu has no request: the CPU time of a container is not known by request"
            )
        if self.request is not None and self.stage not in {CLIENT, *REQUEST_STAGES}:
            raise ValueError(
                f"stage {self.stage} is not known by request: use {', '.join(REQUEST_STAGES)}"
            )
        if self.stage == "cpu" and self.limit_ms is not None:
            raise ValueError("stage cpu has no limit_ms: it is no latency")
        if self.stage in WITHOUT_QUANTILE and self.quantile is not None:
            raise ValueError(f"stage {self.stage} has no quantile: leave it out")
        if self.stage not in WITHOUT_QUANTILE and self.quantile is None:
            raise ValueError("quantile is missing (only stages cpu and capacity have none)")
        return self

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
