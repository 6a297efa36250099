"""Run-level random-effects prediction: what a new campaign of the baseline would look like.

Model, per metric: ln Q of run r in campaign c is y_cr = mu + b_c + e_cr, with variance tau^2
between campaigns (another day, another boot, another neighbour) and sigma^2 between runs of one.

* sigma^2: pooled over the baseline's campaigns; for the new one the larger of that and its own.
  A campaign's mean cannot be known better than its histogram's buckets: see `BUCKET_VARIANCE`.
* tau^2: Paule and Mandel (1982), which solves sum w_c (y_c - mu)^2 = C - 1 with weights
  w_c = 1 / (tau^2 + v_c); DerSimonian and Kacker (2007) compare it with its alternatives.
* prediction for a new campaign: mu +- t * sqrt(tau^2 + se(mu)^2 + v_new), after Higgins, Thompson
  and Spiegelhalter (2009).  They use C - 2 degrees of freedom as a rule of thumb for unequal
  variances; campaigns of one scenario have nearly equal ones, and then tau^2 + v is at least the
  sample variance of the C means, for which t with C - 1 is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Lack, Shortfall
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import request_part
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.functions import student_quantile
from socklat_gate.verdict.judged_values import run_quantile_ns

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = ["BUCKET_VARIANCE", "Prediction", "paule_mandel", "predict", "prediction_of"]

BUCKET_VARIANCE = (2.0**-7) ** 2 / 12.0
"""Variance of ln Q from the width of a histogram bucket (1/128), spread evenly; log scale."""


ENOUGH = 1e-9
"""How near to its expectation, relatively, the statistic that tau^2 is solved for must come."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A campaign's mean ln Q beside the predicted one; ``sd`` of their difference, log scale.

    ``sd`` is infinite below 2 stored campaigns; ``predicted`` and ``observed`` are NaN without
    usable runs.  ``dof`` are those of Student's t.  ``above`` is how far the slowest stored
    campaign lies above the prediction, ``spread`` the range of the stored ones.
    """

    predicted: float
    observed: float
    sd: float
    dof: int
    above: float = 0.0
    spread: float = 0.0

    @property
    def difference(self) -> float:
        """Observed - predicted: the log change."""
        return self.observed - self.predicted

    def limit(self, level: float) -> float:
        """Half-width of the one-sided limit at ``level``; infinite when ``sd`` is."""
        return math.inf if math.isinf(self.sd) else student_quantile(self.dof, level) * self.sd


def predict(
    baseline: Sequence[Campaign], runs: Sequence[Run], metric: Metric
) -> tuple[Prediction, tuple[Shortfall, ...]]:
    """Prediction from the stored campaigns against new runs, and what lacks exchanges.

    A non-empty second part means that runs had to be left out, so the metric must not be judged.
    """
    # Comparable campaigns, and what they are compared with, split their load alike.
    containers = baseline[0].containers if baseline else 1
    new, shortfalls = _log_quantiles(runs, metric, None, containers)
    stored: list[Floats] = []
    for number, campaign in enumerate(baseline):
        values, missing = _log_quantiles(campaign.runs, metric, number, campaign.containers)
        shortfalls += missing
        stored.append(values)
    return prediction_of([values for values in stored if values.size], new), tuple(shortfalls)


def prediction_of(stored: Sequence[Floats], new: Floats) -> Prediction:
    """Prediction from ln Q per run: one array of shape (runs,) per campaign, none of them empty."""
    means = np.array([values.mean() for values in stored])
    observed = float(new.mean()) if new.size else math.nan
    if len(stored) < 2:
        return Prediction(float(means[0]) if stored else math.nan, observed, math.inf, 1)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in stored)
    dof = sum(values.size - 1 for values in stored)
    within = squares / dof if dof else 0.0
    own = max(within, float(new.var(ddof=1)) if new.size > 1 else 0.0)
    variances = BUCKET_VARIANCE + within / np.array([values.size for values in stored])
    mu, se, tau2 = paule_mandel(means, variances)
    variance = tau2 + se**2 + BUCKET_VARIANCE + own / max(new.size, 1)
    highest = float(means.max())
    return Prediction(
        predicted=mu,
        observed=observed,
        sd=math.sqrt(variance),
        dof=len(stored) - 1,
        above=highest - mu,
        spread=highest - float(means.min()),
    )


def paule_mandel(means: Floats, variances: Floats) -> tuple[float, float, float]:
    """Random-effects mean, its standard error and tau^2 from C means; both of shape (C,).

    ``variances`` are those of the means and positive.  tau^2 is 0 when the means differ by less
    than their variances explain.  Solved by Newton's steps as DerSimonian and Kacker (2007) give
    them: the statistic falls and is convex in tau^2, so they rise to the root and never pass it.
    (A root finder of scipy.optimize would do as well, and take a `compare` 0.2 s to import.)
    """
    excess = means.size - 1
    tau2 = 0.0
    while True:
        weights = 1.0 / (tau2 + variances)
        mu = float(weights @ means / weights.sum())
        beyond = float(weights @ (means - mu) ** 2) - excess
        if beyond <= ENOUGH * excess:
            return mu, float(weights.sum() ** -0.5), tau2
        tau2 += beyond / float(weights**2 @ (means - mu) ** 2)


def _log_quantiles(
    runs: Sequence[Run], metric: Metric, campaign: int | None, containers: int
) -> tuple[Floats, list[Shortfall]]:
    """Ln Q of the usable runs' quantiles and what every other run lacks."""
    parts = [request_part(run, metric.request) for run in runs]
    found = [run_quantile_ns(part, metric.stage, metric.quantile, containers) for part in parts]
    shortfalls = [
        replace(shortfall, campaign=campaign, run=number)
        for number, (_, shortfall) in enumerate(found)
        if shortfall
    ]
    if not runs:
        shortfalls = [Shortfall(Lack.RUNS, campaign=campaign)]
    return np.log([value for value, shortfall in found if not shortfall]), shortfalls
