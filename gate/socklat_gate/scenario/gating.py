"""What a scenario has judged: metrics, the gate's limits, rare spikes and waivers.  Models only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from socklat_gate.measured.names import SPIKES, Stage
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

Judged = Literal[Stage, "cpu"]


MIN_EXCEEDING = 50
"""Fewest exchanges beyond a gated quantile in one run for its estimate to be usable."""

WANTED_EXCEEDING = 80
"""Expected number to ask for, so that a random split falls short of the minimum in 1 of 2000."""


class Metric(StrictModel):
    """One gated quantile with its indifference zone, as relative changes.

    Stage ``cpu`` is the CPU time that the container uses per request; it has no quantile.
    """

    stage: Judged = Field(
        "service", description='stage whose quantile is judged, or "cpu": CPU time per request'
    )
    quantile: float | None = Field(
        None, gt=0, lt=1, description='judged quantile; none for stage "cpu"', examples=[0.99]
    )
    tolerance: float = Field(
        gt=0, description="increases up to this are accepted (d0)", examples=[0.05]
    )
    regression_threshold: float = Field(
        gt=0, description="increases from this on must fail (d1); above tolerance", examples=[0.15]
    )

    @model_validator(mode="after")
    def _ordered(self) -> Metric:
        if self.regression_threshold <= self.tolerance:
            raise ValueError("regression_threshold must be larger than tolerance")
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
    """The three headline quantiles and CPU time per request with their default zones."""
    return [
        Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05),
        Metric(quantile=0.9, tolerance=0.03, regression_threshold=0.08),
        Metric(quantile=0.99, tolerance=0.05, regression_threshold=0.15),
        Metric(stage="cpu", tolerance=0.01, regression_threshold=0.03),
    ]


class Spikes(StrictModel):
    """What a rare spike is, and whether more of them fail the job."""

    enabled: bool = Field(True, description="whether more spikes than the baseline's fail the job")
    floor_ms: float = Field(50.0, gt=0, description="a spike takes at least this long")
    factor: float = Field(5.0, gt=1, description="and this many times the baseline's p99.9")
    watch_s: float = Field(
        0.0, ge=0, description="exposure of the candidate, over all its runs, that a pass needs"
    )


class Waiver(StrictModel):
    """A known change that is accepted up to a ceiling for a while; the rest is judged as ever."""

    metric: str = Field(
        description='name such as "service_p99", "cpu_per_request" or "spikes"',
        examples=["service_p99"],
    )
    ceiling: float = Field(
        gt=0,
        description="increases up to this are accepted (spikes: of their rate)",
        examples=[0.3],
    )
    expires: date = Field(description="last day on which it holds", examples=[date(2027, 3, 31)])
    link: str = Field(
        pattern=r"^https?://\S+$",
        description="where the decision is written down",
        examples=["https://tracker.example/PERF-123"],
    )


class Gate(StrictModel):
    """The decision: error rates and budget."""

    alpha: float = Field(0.01, gt=0, lt=0.5, description="false-alarm rate of a job")
    alpha_pass: float = Field(0.05, gt=0, lt=0.5, description="rate of passes that should fail")
    max_pairs: int = Field(
        40, ge=1, le=1000, description="budget: undecided after so many pairs is inconclusive"
    )
    max_minutes: float = Field(
        10.0, gt=0, le=600, description="budget: undecided after so many minutes is inconclusive"
    )
    max_steal: float = Field(
        0.6, gt=0, le=1, description="a pair with more stolen CPU time is excluded"
    )
    max_excluded_pairs: int = Field(5, ge=0, description="more pairs excluded than this: invalid")
    max_overlap: float = Field(0.01, ge=0, le=1, description="allowed share of overlapped requests")
    interleave: Literal["request", "slice", "block"] = Field(
        "request",
        description="what is sent to one arm or the other by coin flip: each request, slices of "
        "slice_ms (runs then last twice as long), or blocks of duration_s with one container at a "
        "time",
    )
    slice_ms: float = Field(100.0, ge=50, le=250, description='length of a "slice"')
    pairs_per_start: int = Field(
        1,
        ge=1,
        le=50,
        description="pairs on the same containers: one cluster",
    )
    metrics: list[Metric] = Field(
        default_factory=default_metrics,
        min_length=1,
        description="what is judged; default: p50, p90 and p99 of service, and CPU time",
    )
    spikes: Spikes = Field(default_factory=Spikes, description="rare spikes")

    @field_validator("metrics")
    @classmethod
    def _no_twins(cls, metrics: list[Metric]) -> list[Metric]:
        names = [metric.name for metric in metrics]
        if len(set(names)) != len(names):
            raise ValueError("the same stage and quantile is gated twice")
        return metrics

    @property
    def alpha_spikes(self) -> float:
        """The spikes' part of alpha: half of it, or 0 when they are not judged.

        With half, the second spike fails where the reference had none in 20 times the exposure
        (see `verdict.rates`); of the metrics it costs one more pair to a FAIL.
        """
        return self.alpha / 2 if self.spikes.enabled else 0.0

    @property
    def alpha_metric(self) -> float:
        """Each metric's part of alpha: what the spikes leave, evenly shared (Bonferroni)."""
        return (self.alpha - self.alpha_spikes) / len(self.metrics)

    def check_waivers(self, waivers: Iterable[Waiver]) -> None:
        """Raises `ValueError` unless each waiver moves the limit of one judged thing up, once."""
        tolerances = {metric.name: metric.tolerance for metric in self.metrics}
        if self.spikes.enabled:
            tolerances[SPIKES] = 0.0
        seen: set[str] = set()
        for waiver in waivers:
            name = waiver.metric
            if name not in tolerances:
                near = difflib.get_close_matches(name, tolerances, n=1, cutoff=0.0)[0]
                raise ValueError(f"metric {name!r} is not gated; did you mean {near!r}?")
            if name in seen:
                raise ValueError(f"{name} is waived twice")
            if waiver.ceiling <= tolerances[name]:
                raise ValueError(
                    f"the ceiling {waiver.ceiling:g} of {name} is not above what is accepted "
                    f"anyway, {tolerances[name]:g}"
                )
            seen.add(name)
