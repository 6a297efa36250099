"""What is judged, and how, where no scenario says otherwise.

The models of `scenario.gating` take their defaults from here.  They need pydantic, and importing
that took a third of the time of a ``compare``, which mostly has no scenario to validate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from socklat_gate.measured.names import CAPACITY, CAPACITY_RPS, OF_CONTAINER, Stage, named
from socklat_gate.scenario.gate_rules import GateRules

__all__ = [
    "DEFAULT_GATE",
    "AnswerKind",
    "Containers",
    "DefaultGate",
    "DefaultMetric",
    "Judged",
    "MetricName",
]

Containers = Literal["auto", 1, 2, 4]
"""Of each arm in a block."""

AnswerKind = Literal["statuses", "sizes", "tls"]
"""What of the responses may differ between the arms where ``gate.accept_answers`` says so."""

Judged = Literal[Stage, "cpu", "startup", "memory", "capacity"]

MIB = 1 << 20


class MetricName:
    """The name of a metric, by its stage and quantile."""

    if TYPE_CHECKING:
        stage: Judged
        quantile: float | None
        tolerance: float
        limit_ms: float | None
        limit_mib: float | None
        request: str | None
        within_ms: float | None
        share: float | None

    @property
    def name(self) -> str:
        """Short name, for instance ``response_p99``, or ``response_p99[checkout]`` of a request."""
        if self.stage == CAPACITY:
            return CAPACITY_RPS
        if self.stage in OF_CONTAINER:
            return OF_CONTAINER[self.stage]
        assert self.quantile is not None
        return named(f"{self.stage}_p{100 * self.quantile:g}", self.request)

    @property
    def limit(self) -> float | None:
        """The absolute limit in ns, of peak memory in bytes; None where there is none."""
        if self.limit_mib is not None:
            return MIB * self.limit_mib
        return None if self.limit_ms is None else 1e6 * self.limit_ms


@dataclass(frozen=True)
class DefaultMetric(MetricName):
    """The members of `scenario.gating.Metric`."""

    stage: Judged
    quantile: float | None
    tolerance: float
    regression_threshold: float
    limit_ms: float | None = None
    request: str | None = None
    within_ms: float | None = None
    share: float | None = None
    limit_mib: float | None = None


@dataclass(frozen=True)
class DefaultSpikes:
    """The members of `scenario.gating.Spikes`."""

    enabled: bool = True
    floor_ms: float = 50.0
    factor: float = 5.0
    watch_s: float = 0.0


@dataclass(frozen=True)
class DefaultWatch:
    """The members of `scenario.watch.Watch`."""

    replicas: Literal["auto"] | int = "auto"
    minutes: float = 2.0
    age_s: float = 0.0
    rate: float = 8.0


@dataclass(frozen=True)
class DefaultGate(GateRules):
    """The members of `scenario.gating.Gate`."""

    alpha: float = 0.01
    alpha_pass: float = 0.05
    max_pairs: int = 40
    max_minutes: float = 10.0
    max_steal: float = 0.6
    max_excluded_pairs: int = 5
    max_overlap: float = 0.01
    interleave: Literal["request", "slice", "block"] = "request"
    slice_ms: float = 100.0
    pairs_per_start: int = 1
    containers: Containers = 1
    errors: bool = True
    capacity: bool = True
    connections: bool = False
    accept_answers: tuple[AnswerKind, ...] = ()
    metrics: tuple[DefaultMetric, ...] = (
        DefaultMetric("response", 0.5, tolerance=0.02, regression_threshold=0.05),
        DefaultMetric("response", 0.9, tolerance=0.03, regression_threshold=0.08),
        DefaultMetric("response", 0.99, tolerance=0.05, regression_threshold=0.15),
        DefaultMetric("cpu", None, tolerance=0.01, regression_threshold=0.03),
    )
    spikes: DefaultSpikes = DefaultSpikes()
    watch: DefaultWatch = DefaultWatch()


DEFAULT_GATE = DefaultGate()
"""It stands for a `scenario.gating.Gate` wherever one is read: it has the same members."""
