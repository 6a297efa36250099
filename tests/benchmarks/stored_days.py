"""The verdict over stored numbers on simulated days: `verdict.stored_limit` and its error rates.

    python -m tests.benchmarks.stored_days [--jobs 20000] [--seed 1]

A job compares one campaign with so many stored ones, by the metrics of the default gate.  Of an
unchanged image every FAIL is false; of one that is slower by exactly the regression threshold every
PASS is.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.scenario import Gate, Metric
from socklat_gate.verdict.functions import student_quantile
from socklat_gate.verdict.prediction import BUCKET_VARIANCE
from socklat_gate.verdict.stored import PASS_SHARE
from socklat_gate.verdict.stored_limit import day_margin, slow_day_campaigns
from tests.benchmarks.markdown import table

Floats = npt.NDArray[np.float64]
Days = Callable[[np.random.Generator, int, int], Floats]
"""From jobs and days to log levels, (jobs, metrics, days); the last day is the candidate's."""

GATE = Gate()
METRICS: tuple[Metric, ...] = GATE.compared
RUNS = 5
RUN_SD = 0.01
CAMPAIGNS = (5, 6, 8, 10, 12, 16, 17, 20, 30)
NEIGHBOURS = 0.7
SLOW_SHARE, SLOW = 0.2, (1.3, 1.5)


def normal(sd: float) -> Days:
    """Half of a day's variance is common to all metrics."""

    def days(rng: np.random.Generator, jobs: int, number: int) -> Floats:
        return sd * _mixed(rng, jobs, number)

    return days


def log_normal(extra: float) -> Days:
    """The day's extra time is log-normal, sigma 1, with this median."""

    def days(rng: np.random.Generator, jobs: int, number: int) -> Floats:
        return np.asarray(np.log1p(extra * np.exp(_mixed(rng, jobs, number))))

    return days


def slow_days(sd: float) -> Days:
    """Normal days, but on one of five everything is slower by 30 to 50%."""

    def days(rng: np.random.Generator, jobs: int, number: int) -> Floats:
        slow = rng.random((jobs, 1, number)) < SLOW_SHARE
        by = np.log(rng.uniform(*SLOW, (jobs, 1, number)))
        return np.asarray(sd * _mixed(rng, jobs, number) + slow * by)

    return days


def neighbours(sd: float) -> Days:
    """Days that resemble the one before: AR(1)."""

    def days(rng: np.random.Generator, jobs: int, number: int) -> Floats:
        found = _mixed(rng, jobs, number)
        for day in range(1, number):
            fresh = math.sqrt(1.0 - NEIGHBOURS**2) * found[..., day]
            found[..., day] = NEIGHBOURS * found[..., day - 1] + fresh
        return sd * found

    return days


KINDS: Mapping[str, Days] = {
    "normal, SD 2%": normal(0.02),
    "normal, SD 10%": normal(0.10),
    "log-normal, median +0.5%": log_normal(0.005),
    "log-normal, median +2%": log_normal(0.02),
    "log-normal, median +5%": log_normal(0.05),
    "log-normal, median +10%": log_normal(0.10),
    "20% slow days, others SD 0.5%": slow_days(0.005),
    "20% slow days, others SD 2%": slow_days(0.02),
    "20% slow days, others SD 5%": slow_days(0.05),
    "AR(1), SD 0.5%": neighbours(0.005),
    "AR(1), SD 2%": neighbours(0.02),
    "AR(1), SD 10%": neighbours(0.10),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of jobs: false FAIL by the rule and by Student's t alone, false PASS of one metric at
    its regression threshold (the worst metric), PASS of an unchanged image; and the median MDE of
    the first metric, relative, of an unchanged image."""

    false_fail: float
    by_t: float
    false_pass: float
    passed: float
    mde: float


def rates(days: Days, campaigns: int, jobs: int, seed: int) -> Rates:
    """The same days for every question."""
    rng = np.random.default_rng([seed, campaigns])
    level = days(rng, jobs, campaigns + 1)[..., np.newaxis]
    found = predictions(level + rng.normal(0.0, RUN_SD, (*level.shape[:3], RUNS)))
    fails, by_t, passes, wrong = [], [], [], []
    for at, metric in enumerate(METRICS):
        level_fail = 1.0 - GATE.alpha_stored(metric)
        d0, d1 = math.log1p(metric.tolerance), math.log1p(metric.regression_threshold)
        difference, sd = found.difference[:, at], found.sd[:, at]
        student = student_quantile(campaigns - 1, level_fail) * sd
        margin = day_margin(found.spread[:, at], campaigns, level_fail, GATE.alpha)
        limit = np.maximum(student, found.above[:, at] + margin)
        upper = student_quantile(campaigns - 1, 1.0 - PASS_SHARE * GATE.alpha_pass) * sd
        fails.append(difference - limit > d0)
        by_t.append(difference - student > d0)
        passes.append(difference + upper < d1)
        wrong.append(difference + upper < 0.0)
        if at == 0:
            mde = float(np.expm1(np.median(d0 + limit)))
    failed = np.any(fails, axis=0)
    return Rates(
        float(failed.mean()),
        float(np.any(by_t, axis=0).mean()),
        float(np.mean(wrong, axis=1).max()),
        float((np.all(passes, axis=0) & ~failed).mean()),
        mde,
    )


@dataclass(frozen=True, slots=True)
class Predictions:
    """What `verdict.prediction.Prediction` has, each of shape (jobs, metrics)."""

    difference: Floats
    sd: Floats
    above: Floats
    spread: Floats


def predictions(runs: Floats) -> Predictions:
    """`prediction_of` for many jobs whose campaigns have equally many runs.

    ``runs`` has shape (jobs, metrics, campaigns + 1, runs).  Equal variances make Paule and
    Mandel's equation linear: tau^2 + v is the sample variance of the means, or v where that is
    more.
    """
    stored, new = runs[:, :, :-1], runs[:, :, -1]
    means, number = stored.mean(axis=3), stored.shape[3]
    within = stored.var(axis=3, ddof=1).mean(axis=2)
    own = np.maximum(within, new.var(axis=2, ddof=1))
    each = BUCKET_VARIANCE + within / number
    total = np.maximum(means.var(axis=2, ddof=1), each)
    sd = np.sqrt(total - each + total / means.shape[2] + BUCKET_VARIANCE + own / number)
    mu = means.mean(axis=2)
    return Predictions(new.mean(axis=2) - mu, sd, means.max(axis=2) - mu, np.ptp(means, axis=2))


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = {
        name: [rates(days, number, options.jobs, options.seed) for number in CAMPAIGNS]
        for name, days in KINDS.items()
    }
    header = ["days", *(f"{number}" for number in CAMPAIGNS)]

    def rows(cell: Callable[[Rates], str]) -> list[list[str]]:
        return [[name, *map(cell, row)] for name, row in found.items()]

    worst = max(one.false_fail for row in found.values() for one in row)
    worst_pass = max(one.false_pass for row in found.values() for one in row)
    sys.stdout.write(
        f"""{options.jobs} jobs a cell with the {len(METRICS)} metrics of the default gate, {RUNS}
runs a campaign with an SD of {RUN_SD:.0%}; columns are the stored campaigns. Slow days: everything
is slower by 30 to 50% on one day of five. Log-normal days: the day's extra time is log-normal,
sigma 1. AR(1): a day's level has a correlation of {NEIGHBOURS} with the day before; the candidate
is measured on the day after the last stored one. Half of a day's variance is common to all metrics.

## False FAIL

Share of jobs with an unchanged image that fail; at most {GATE.alpha:.0%} is promised. Largest of
all cells: {worst:.2%}.

{table(header, rows(lambda one: f"{one.false_fail:.2%}"))}

By Student's t alone, as before:

{table(header, rows(lambda one: f"{one.by_t:.2%}"))}

## False PASS

A metric that is slower by its regression threshold passes; the worst metric. At most
{GATE.alpha_pass:.0%} is promised, and Student's t is taken at {PASS_SHARE * GATE.alpha_pass:.1%},
since days resemble each other. Largest of all cells: {worst_pass:.2%}.

{table(header, rows(lambda one: f"{one.false_pass:.1%}"))}

## What is detected

The MDE of {METRICS[0].name} (median over jobs with an unchanged image): so much slower, half of the
jobs fail. Below {slow_day_campaigns(GATE.alpha)} campaigns a slow day may not have been met.

{table(header, rows(lambda one: f"+{one.mde:.0%}"))}

Share of jobs with an unchanged image that pass; the others are inconclusive:

{table(header, rows(lambda one: f"{one.passed:.0%}"))}
"""
    )


def _mixed(rng: np.random.Generator, jobs: int, number: int) -> Floats:
    own = rng.standard_normal((jobs, len(METRICS), number))
    common = rng.standard_normal((jobs, 1, number))
    return np.asarray(math.sqrt(0.5) * (own + common))


if __name__ == "__main__":
    main()
