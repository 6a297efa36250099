"""What a scenario's stored history says: changes that came at a campaign, and slow drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario.gating import Metric
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.changes import Change, ReleaseDrift, against_release, change_points
from socklat_gate.verdict.log_ratios import run_quantile_ns
from socklat_gate.verdict.log_scale import relative
from socklat_gate.wording.changes import percent, plural

__all__ = ["MetricHistory", "Moment", "metric_history", "series_history"]


class Moment(Protocol):
    """When and of what a value of a history was measured; a `Campaign` is one."""

    @property
    def created(self) -> str:
        """UTC, ISO 8601."""

    @property
    def commit(self) -> str:
        """Its id, or "unknown"."""


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """One metric over campaigns, oldest first.

    ``values`` holds the mean log value of each of ``campaigns``, those with a run that lacks
    exchanges left out; ``release`` is None without a pinned release.
    """

    metric: Metric
    campaigns: tuple[Moment, ...]
    values: Floats
    changes: tuple[Change, ...]
    release: ReleaseDrift | None

    @property
    def drifted(self) -> bool:
        """Slower than the pinned release by more than the metric's tolerance."""
        return self.release is not None and self.release.drifted

    def sentences(self) -> list[str]:
        """What there is to say, a line each."""
        name, number = self.metric.name, plural(len(self.campaigns), "campaign")
        lines = [f"{name}: {self._change(change)}" for change in self.changes]
        if not lines:
            lines = [f"{name}: no change found over {number}"]
        return [*lines, self.release.sentence] if self.release else lines

    def _change(self, change: Change) -> str:
        since = self.campaigns[change.index]
        where = f"{since.created[:10]} (commit {since.commit[:12] or 'unknown'})"
        if change.kind == "ramp":
            until = self.campaigns[change.end - 1].created[:10]
            where = f"{where} until {until}, little by little"
        return f"{percent(relative(change.log_shift))} from {where} on, p = {change.p:.2g}"


def metric_history(
    campaigns: Sequence[Campaign], metric: Metric, pinned: Sequence[Campaign] = ()
) -> MetricHistory:
    """Changes of ``metric`` over comparable campaigns, oldest first, and against pinned ones."""
    known: list[Campaign] = []
    values: list[float] = []
    for campaign in campaigns:
        found = [run_quantile_ns(run, metric.stage, metric.quantile) for run in campaign.runs]
        if found and not any(problem for _, problem in found):
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
    return MetricHistory(metric, tuple(moments), series, change_points(series), release)
