"""What a scenario's stored history shows: changes that came at a campaign, and slow drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.history import MetricHistory, Moment, ReleaseDrift
from socklat_gate.measured.run_values import request_part
from socklat_gate.verdict.change_points import against_release, change_points
from socklat_gate.verdict.judged_values import run_quantile_ns

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = ["metric_history", "series_history"]


def metric_history(
    campaigns: Sequence[Campaign], metric: Metric, pinned: Sequence[Campaign] = ()
) -> MetricHistory:
    """Changes of ``metric`` over comparable campaigns, oldest first, and against pinned ones."""
    known: list[Campaign] = []
    values: list[float] = []
    for campaign in campaigns:
        parts = [request_part(run, metric.request) for run in campaign.runs]
        found = [
            run_quantile_ns(part, metric.stage, metric.quantile, campaign.containers)
            for part in parts
        ]
        if found and not any(shortfall for _, shortfall in found):
            known.append(campaign)
            values.append(float(np.mean(np.log([value for value, _ in found]))))
    of_release = {id(campaign) for campaign in pinned}
    later = [campaign for campaign in campaigns if id(campaign) not in of_release]
    release = against_release(later, pinned, metric) if pinned and later else None
    return series_history(metric, known, values, release)


def series_history(
    metric: Metric,
    moments: Sequence[Moment],
    log_values: npt.ArrayLike,
    release: ReleaseDrift | None = None,
) -> MetricHistory:
    """Changes in a series of mean log values, shape (moments,), oldest first."""
    series = np.asarray(log_values, dtype=np.float64)
    return MetricHistory(metric.name, tuple(moments), series, change_points(series), release)
