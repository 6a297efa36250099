"""What is judged of named requests where no scenario says otherwise: quantiles and their zones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from socklat_gate.scenario.default_gate import DEFAULT_GATE, DefaultGate, DefaultMetric
from socklat_gate.scenario.exceeding import is_enough

if TYPE_CHECKING:
    from collections.abc import Mapping

Whole = Literal["client", "response"]
"""The stage that stands for a whole exchange."""

__all__ = ["Whole", "default_gate_of", "named_metrics", "named_zone"]

BEYOND = (1000.0, 150.0)
"""Requests beyond a quantile in a run from which on a name has the first, the second zone.

The zones are those of p50, p90 and p99 of the whole.  Noise grows as requests get fewer, and a zone
that is narrow beside it is neither passed nor failed: with p50's and p90's own, equal arms of ten
names end undecided in a third of the jobs (docs/lab/names.md).
"""


def named_zone(quantile: float, requests: float) -> tuple[float, float]:
    """``tolerance`` and ``regression_threshold`` of a name's quantile, by how many come in a run.

    The fewer lie beyond it, the wider, and never narrower than that of the whole.
    """
    quantiles = [metric for metric in DEFAULT_GATE.metrics if metric.quantile is not None]
    beyond = requests * (1.0 - quantile)
    least = next((at for at, one in enumerate(quantiles) if one.quantile == quantile), 0)
    zone = quantiles[max(least, sum(beyond < enough for enough in BEYOND))]
    return zone.tolerance, zone.regression_threshold


def named_metrics(
    per_run: Mapping[str, float], stage: Whole = "response"
) -> tuple[DefaultMetric, ...]:
    """The default quantiles of each named request of which enough come in a run.

    ``per_run`` has, by name, how many are expected; zones are as of `named_zone`.
    """
    return tuple(
        DefaultMetric(stage, metric.quantile, *named_zone(metric.quantile, come), None, name)
        for name, come in per_run.items()
        for metric in DEFAULT_GATE.metrics
        if metric.quantile is not None and is_enough(come, metric.quantile)
    )


def default_gate_of(per_run: Mapping[str, float], stage: Whole = "response") -> DefaultGate:
    """The default gate of a load with these named requests: the whole, and `named_metrics`."""
    whole = (replace(m, stage=stage) if m.quantile else m for m in DEFAULT_GATE.metrics)
    return replace(DEFAULT_GATE, metrics=(*whole, *named_metrics(per_run, stage)))
