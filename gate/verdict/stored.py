"""The verdict over stored numbers: does the candidate lie where the baseline's campaigns predict?

Model, per metric: ln Q of run r in campaign c is y_cr = mu + b_c + e_cr, with variance tau^2
between campaigns (another day, another boot, another neighbour) and sigma^2 between runs of one.
Nothing was measured side by side here, so a new campaign of the *same* image would differ by b_c
too, and the unit of inference is the campaign, never the run or the request.

* sigma^2: pooled over the baseline's campaigns; for the candidate the larger of that and its own.
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
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

from gate.campaign import Campaign, Pair, Run
from gate.errors import Reason
from gate.scenario import Gate, Metric
from gate.verdict.evidence import Floats
from gate.verdict.model import MetricVerdict, Outcome, Verdict
from gate.verdict.overlap import overlap_problem
from gate.verdict.quantiles import run_quantile_ns
from gate.verdict.wording import percent, percent_range, plural, relative

__all__ = ["BUCKET_VARIANCE", "MIN_CAMPAIGNS", "compare", "drift", "paule_mandel"]

MIN_CAMPAIGNS = 5
"""Fewest baseline campaigns for a verdict: below that the limits are wider than any tolerance."""

BUCKET_VARIANCE = (2.0**-7) ** 2 / 12.0
"""Variance of ln Q from the width of a histogram bucket (1/128), spread evenly; log scale."""


@dataclass(frozen=True, slots=True)
class _Prediction:
    """Candidate minus predicted, on the log scale; ``sd`` is inf below 2 campaigns."""

    predicted: float
    observed: float
    sd: float
    dof: int

    def limit(self, level: float) -> float:
        """Half-width of the one-sided limit at ``level``."""
        return math.inf if math.isinf(self.sd) else float(student.ppf(level, self.dof)) * self.sd

    @property
    def difference(self) -> float:
        return self.observed - self.predicted


def compare(baseline: Sequence[Campaign], candidate: Campaign, gate: Gate) -> Verdict:
    """Verdict over stored campaigns; whether they are comparable is checked by the caller.

    REGRESSION when some metric's lower one-sided limit (alpha / m) for candidate - predicted lies
    above ln(1 + tolerance); PASS when all upper ones (alpha_pass) lie below ln(1 + failure);
    otherwise INCONCLUSIVE: BETWEEN_LIMITS, TOO_FEW_CAMPAIGNS (below 5), TOO_FEW_SAMPLES (a run
    without enough exchanges; it makes its metric inconclusive) or OVERLAPPING_REQUESTS.
    ``baseline_ns`` is the prediction, ``candidate_ns`` the geometric mean over the runs, the
    interval a two-sided 95% one; the evidence and its thresholds are NaN.
    """
    judged = [_judge(baseline, candidate, metric, gate) for metric in gate.metrics]
    metrics = tuple(verdict for verdict, _ in judged)
    overlaps = [
        problem
        for who, runs in (
            ("baseline", [run for campaign in baseline for run in campaign.runs]),
            ("candidate", list(candidate.runs)),
        )
        if (problem := overlap_problem(runs, who, gate.max_overlap))
    ]
    missing = MIN_CAMPAIGNS - len(baseline)
    blocked: list[tuple[Reason, str]] = [(Reason.OVERLAPPING_REQUESTS, text) for text in overlaps]
    if missing > 0:
        text = (
            f"{plural(len(baseline), 'stored campaign')} cannot tell a change from the difference "
            f"between two days: {missing} more of the baseline are needed ({MIN_CAMPAIGNS} in all)"
        )
        blocked.append((Reason.TOO_FEW_CAMPAIGNS, text))
    too_few = [
        (Reason.TOO_FEW_SAMPLES, f"{verdict.name} cannot be judged: {'; '.join(problems)}")
        for verdict, problems in judged
        if problems
    ]
    if blocked:
        metrics = tuple(_open(metric) for metric in metrics)
        return Verdict(Outcome.INCONCLUSIVE, (*blocked, *too_few), metrics)
    failed = [metric for metric in metrics if metric.verdict is Outcome.REGRESSION]
    if failed:
        texts = [(Reason.REGRESSION, _text(metric)) for metric in failed]
        return Verdict(Outcome.REGRESSION, (*texts, *too_few), metrics)
    if all(metric.verdict is Outcome.PASS for metric in metrics):
        text = f"the candidate lies where {len(baseline)} stored campaigns predict it"
        return Verdict(Outcome.PASS, ((Reason.WITHIN_PREDICTION, text),), metrics)
    between = [
        (Reason.BETWEEN_LIMITS, _text(metric))
        for metric, problems in judged
        if metric.verdict is Outcome.INCONCLUSIVE and not problems
    ]
    return Verdict(Outcome.INCONCLUSIVE, (*too_few, *between), metrics)


def drift(baseline: Sequence[Campaign], pairs: Sequence[Pair], gate: Gate) -> str:
    """A sentence: does today's baseline arm lie within what the stored campaigns predict?

    Two-sided 95% prediction over all gated metrics together (Bonferroni); empty below 2 campaigns
    or without usable pairs.
    """
    today = [pair.baseline for pair in pairs if not pair.set_aside]
    if len(baseline) < 2 or not today:
        return ""
    outside: list[str] = []
    unknown: list[str] = []
    for metric in gate.metrics:
        prediction, problems = _predict(baseline, today, metric)
        if problems:
            unknown.append(metric.name)
            continue
        half = prediction.limit(1.0 - 0.05 / (2 * len(gate.metrics)))
        if abs(prediction.difference) > half:
            outside.append(
                f"{metric.name} {percent(relative(prediction.difference))} "
                f"(expected {percent_range(relative(-half), relative(half))})"
            )
    who = f"what {len(baseline)} stored campaigns predict"
    skipped = f"; too few exchanges to compare {', '.join(unknown)}" if unknown else ""
    if outside:
        return f"today's baseline arm lies outside {who}: {', '.join(outside)}{skipped}"
    if len(unknown) == len(gate.metrics):
        return f"today's baseline arm cannot be held against {who}{skipped}"
    return f"today's baseline arm lies within {who}{skipped}"


def paule_mandel(means: Floats, variances: Floats) -> tuple[float, float, float]:
    """Random-effects mean, its standard error and tau^2 from C means; both of shape (C,).

    ``variances`` are those of the means and positive.  tau^2 is 0 when the means differ by less
    than their variances explain.
    """

    def weighted(tau2: float) -> tuple[float, float, float]:
        weights = 1.0 / (tau2 + variances)
        mu = float(weights @ means / weights.sum())
        return mu, float(weights.sum() ** -0.5), float(weights @ (means - mu) ** 2)

    excess = means.size - 1
    tau2 = 0.0
    if weighted(0.0)[2] > excess:
        # At tau^2 = sum of squares the statistic is below 1, so the root lies in between.
        upper = float(((means - means.mean()) ** 2).sum())
        tau2 = float(brentq(lambda x: weighted(x)[2] - excess, 0.0, upper))
    mu, se, _ = weighted(tau2)
    return mu, se, tau2


def _log_quantiles(runs: Sequence[Run], metric: Metric, who: str) -> tuple[Floats, list[str]]:
    """Ln Q of the usable runs and a sentence for every other one."""
    found = [run_quantile_ns(run, metric.stage, metric.quantile) for run in runs]
    problems = [f"{who}, run {i}: {problem}" for i, (_, problem) in enumerate(found) if problem]
    if not runs:
        problems = [f"{who} has no runs"]
    return np.log([value for value, problem in found if not problem]), problems


def _predict(
    baseline: Sequence[Campaign], runs: Sequence[Run], metric: Metric
) -> tuple[_Prediction, list[str]]:
    new, problems = _log_quantiles(runs, metric, "candidate")
    stored: list[Floats] = []
    for number, campaign in enumerate(baseline):
        values, missing = _log_quantiles(campaign.runs, metric, f"baseline campaign {number}")
        problems += missing
        if values.size:
            stored.append(values)
    means = np.array([values.mean() for values in stored])
    observed = float(new.mean()) if new.size else math.nan
    if len(stored) < 2:
        predicted = float(means[0]) if stored else math.nan
        return _Prediction(predicted, observed, math.inf, 1), problems
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in stored)
    dof = sum(values.size - 1 for values in stored)
    within = squares / dof if dof else 0.0
    own = max(within, float(new.var(ddof=1)) if new.size > 1 else 0.0)
    variances = BUCKET_VARIANCE + within / np.array([values.size for values in stored])
    mu, se, tau2 = paule_mandel(means, variances)
    variance = tau2 + se**2 + BUCKET_VARIANCE + own / max(new.size, 1)
    return _Prediction(mu, observed, math.sqrt(variance), len(stored) - 1), problems


def _judge(
    baseline: Sequence[Campaign], candidate: Campaign, metric: Metric, gate: Gate
) -> tuple[MetricVerdict, list[str]]:
    d0, d1 = math.log1p(metric.tolerance), math.log1p(metric.failure)
    prediction, problems = _predict(baseline, candidate.runs, metric)
    to_fail = prediction.limit(1.0 - gate.alpha / len(gate.metrics))
    outcome = Outcome.INCONCLUSIVE
    if not problems:
        if prediction.difference - to_fail > d0:
            outcome = Outcome.REGRESSION
        elif prediction.difference + prediction.limit(1.0 - gate.alpha_pass) < d1:
            outcome = Outcome.PASS
    half = prediction.limit(0.975)
    verdict = MetricVerdict(
        name=metric.name,
        stage=metric.stage,
        quantile=metric.quantile,
        tolerance=metric.tolerance,
        failure=metric.failure,
        baseline_ns=math.exp(prediction.predicted),
        candidate_ns=math.exp(prediction.observed),
        change=relative(prediction.difference),
        ci_low=relative(prediction.difference - half),
        ci_high=relative(prediction.difference + half),
        evidence_fail=math.nan,
        evidence_pass=math.nan,
        needed_fail=math.nan,
        needed_pass=math.nan,
        mde=relative(d0 + to_fail),
        further_pairs=None,
        verdict=outcome,
    )
    return verdict, problems
