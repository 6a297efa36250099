"""Drift over the history of campaigns: change points, and the distance from a pinned release.

Campaigns are not independent: a machine keeps its mood for days.  `change_points` therefore tests
against AR(1) noise.  The null distribution of the gain (`verdict.change_models`) is simulated
for every autocorrelation from 0 to 0.6, with noise a little heavier-tailed than normal, and the
largest p-value counts.  So the false-alarm rate holds whatever the autocorrelation in that range;
beyond it (0.8 and more, a random walk) it does not, and no short history could.

The parts between steps are tested again (binary segmentation); a ramp is one finding, also when it
is many small steps.  Only the order of the campaigns counts, not the time between them.

References: Andrews, "Tests for parameter instability ... with unknown change point", Econometrica
61 (1993); Robbins et al., "Mean shift testing in correlated data", J. Time Series Analysis 32
(2011), on why ignoring autocorrelation raises alarms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.history import Change, ReleaseDrift
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.change_models import SIMULATED, change_gain, null_gains
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.prediction import predict
from socklat_gate.verdict.stored_limit import fail_limit

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = [
    "LOOKED_AT",
    "MIN_CAMPAIGNS",
    "against_release",
    "change_points",
]


MIN_CAMPAIGNS = 8
"""Fewest values for a test; with fewer, hardly any change stands out from autocorrelation."""

LOOKED_AT = 120
"""Older campaigns than these are left out: what matters is what changed lately."""


def change_points(
    values: npt.ArrayLike, *, alpha: float = 0.01, seed: int = 0
) -> tuple[Change, ...]:
    """Changes in a series of log values, one a campaign, shape (campaigns,), in order of time.

    ``alpha`` bounds the chance of any finding where nothing changed.  Where something did, the
    parts around it are tested at ``alpha`` each.  Below `MIN_CAMPAIGNS` nothing is found; beyond
    `LOOKED_AT` only the latest are looked at.  Raises `ValueError` for NaN or infinite values,
    another shape, or an ``alpha`` that the simulation cannot resolve.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"values have shape (campaigns,), not {series.shape}")
    if not np.all(np.isfinite(series)):
        raise ValueError("a campaign's value is NaN or infinite")
    if not 10 / SIMULATED <= alpha < 1:
        raise ValueError(f"alpha lies between {10 / SIMULATED:g} and 1, not at {alpha}")
    found: list[Change] = []
    parts = [(max(0, series.size - LOOKED_AT), series.size)]
    while parts:
        start, end = parts.pop()
        changes = _changes(series, start, end, seed)
        if not changes or changes[0].p > alpha:
            continue
        found += changes
        if changes[0].kind == "step":
            parts += pairwise((start, *(change.index for change in changes), end))
    return tuple(sorted(found, key=lambda change: change.index))


def against_release(
    history: Sequence[Campaign],
    pinned: Sequence[Campaign],
    metric: Metric,
    *,
    latest: int = 3,
    alpha: float = 0.01,
) -> ReleaseDrift:
    """The last ``latest`` campaigns of ``history`` (oldest first) beside a release's campaigns.

    However many small steps lie between them, their sum is what is compared.  The latest count as
    one new campaign of `verdict.prediction`: being neighbours, they are not independent.  What slow
    days explain is no drift (`verdict.stored_limit`): nights beside the release find far less.
    Raises `ValueError` without history or for ``latest`` below 1.
    """
    if not history or latest < 1:
        raise ValueError("at least one campaign is needed to compare with a release")
    recent = history[-latest:]
    runs = [run for campaign in recent for run in campaign.runs]
    prediction, shortfalls = predict(pinned, runs, metric)
    half = fail_limit(prediction, 1.0 - alpha, alpha)
    lowest = prediction.difference - half
    return ReleaseDrift(
        metric=metric.name,
        stage=metric.stage,
        quantile=metric.quantile,
        latest=len(recent),
        pinned=len(pinned),
        change=relative(prediction.difference),
        detectable=relative(math.log1p(metric.tolerance) + half),
        tolerance=metric.tolerance,
        level=1.0 - alpha,
        drifted=not shortfalls and lowest > math.log1p(metric.tolerance),
        shortfalls=shortfalls,
    )


def _changes(series: Floats, start: int, end: int, seed: int) -> list[Change]:
    """The likeliest change in series[start:end], two steps if there and back; [] when constant."""
    part = series[start:end]
    if part.size < MIN_CAMPAIGNS or np.ptp(part) <= 0:
        return []
    gain, is_ramp, interval = change_gain(part[np.newaxis, :])
    beyond = SIMULATED - np.array(
        [np.searchsorted(r, gain[0], "left") for r in null_gains(part.size, seed)]
    )
    p = float((1 + beyond.max()) / (1 + SIMULATED))
    if is_ramp[0]:
        centred = np.arange(part.size) - (part.size - 1) / 2
        slope = float(centred @ part / (centred @ centred))
        return [Change("ramp", start, end, slope * (part.size - 1), p)]
    first, last = (int(edge[0]) for edge in interval)
    edges = [0, first, part.size] if last == part.size else [0, first, last, part.size]
    means = [float(part[a:b].mean()) for a, b in pairwise(edges)]
    return [
        Change("step", start + a, start + b, after - before, p)
        for (a, b), (before, after) in zip(pairwise(edges[1:]), pairwise(means), strict=True)
    ]
