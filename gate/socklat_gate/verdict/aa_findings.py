"""What A/A pairs say about the gate: its false-alarm rate, how soon it decides, and its MDE.

The two arms of the pairs given are the same image, so every difference is noise.  Jobs are
resampled: pairs are drawn with replacement, all metrics of a pair together, and the arms of each
are swapped by coin flip as the gate itself does.  Each job is judged by the gate's own rule after
every pair.  So the jobs hold the noise that was recorded, and nothing that these pairs did not
meet: a rate from 20 pairs does not know what happens in one pair of a hundred.  Rare spikes, which
have an error rate of their own, are not resampled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.calibration import Findings, Found, MetricFindings
from socklat_gate.measured.pair import Pair, moments
from socklat_gate.measured.verdict import Verdict
from socklat_gate.verdict.aa_problems import biases_of, problems_of
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.correlated_stalls import judged_pairs
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.operating import CHANGES, found_within
from socklat_gate.verdict.proposal import Timing, propose
from socklat_gate.verdict.resampling import (
    MIN_PAIRS,
    Bools,
    MetricTest,
    Resampled,
    first_ends,
    first_pass,
    metric_tests,
    resample,
)

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = ["MINUTES", "study"]

MINUTES = (5, 15)
CURVE_MINUTES = (1, 2, 5, 10)
POWER = 0.8
JOBS = 10_000
CELLS = 400_000  # jobs times pairs, so that a study takes seconds whatever the budget
POWER_CELLS = 40_000
MOST_PAIRS = 1000
FLIPS = 9999


def study(
    pairs: Sequence[Pair], gate: Gate, pair_s: float, seed: int, timing: Timing | None = None
) -> Findings:
    """Findings of A/A pairs that took ``pair_s`` seconds for each one that is used.

    The same for the same pairs and seed.  Pairs excluded are not looked at; pairs of one start
    are one cluster, and blocks count once.  ``timing`` is what a proposal rests on.  Raises
    `InvalidMeasurement` (TOO_FEW_SAMPLES) below `MIN_PAIRS` usable ones.
    """
    used = [pair for pair in pairs if not pair.excluded]
    verdict = decide(used, gate)
    tests = metric_tests(judged_pairs(used).pairs, gate, verdict)
    starts = tests[0].sample.size if tests else 0
    if starts < MIN_PAIRS:
        raise InvalidMeasurement(
            Reason.TOO_FEW_SAMPLES,
            f"usable pairs: {starts} of {len(pairs)}, too few to know how far pairs differ here; "
            f"at least {MIN_PAIRS} are needed for a false-alarm rate",
            remedy="allow more --pairs or --minutes" + _lacking(verdict),
        )
    rng = np.random.default_rng(seed)
    in_start = moments(used) / len(set(cluster_ids(used)))
    start_s, budget = pair_s * in_start, max(1, int(gate.max_pairs / in_start))
    jobs = min(JOBS, CELLS // budget)
    fail, passed = first_ends(tests, resample(starts, rng, jobs, budget))
    ends = np.minimum(fail, passed)
    false_alarms = int((np.isfinite(fail) & (fail <= passed)).sum())
    middle = float(np.quantile(ends, 0.5, method="higher"))
    mdes = [_mdes(tests, rng, int(60 * minutes / start_s)) for minutes in MINUTES]
    curves = _curves(tests, rng, start_s)
    metrics = tuple(
        MetricFindings(
            name=test.name,
            ratios=tuple(map(float, np.exp(test.sample.d))),
            pair_sd=float(np.std(test.sample.d, ddof=1)),
            change=relative(hodges_lehmann(test.sample.d)),
            change_p=_sign_flip_p(test.sample.d, rng),
            mde={str(m): found[at] for m, found in zip(MINUTES, mdes, strict=True)},
            curve=curves[at],
        )
        for at, test in enumerate(tests)
    )
    return Findings(
        pairs=moments(used),
        pair_s=pair_s,
        max_pairs=gate.max_pairs,
        jobs=jobs,
        false_alarms=false_alarms,
        false_alarm_limit=_clopper_pearson(false_alarms, jobs),
        decided=int((ends <= min(budget, 60 * gate.max_minutes / start_s)).sum()),
        pairs_to_verdict=middle * in_start if math.isfinite(middle) else None,
        metrics=metrics,
        problems=(*problems_of(verdict), *biases_of(metrics)),
        proposal=propose(tests, gate, timing) if timing else None,
    )


def _mdes(tests: Sequence[MetricTest], rng: np.random.Generator, length: int) -> list[float | None]:
    """For each metric the relative change that 80% of the jobs of ``length`` clusters fail by it.

    The change is added to that metric alone, and a job that passes before does not fail.
    """
    length = min(length, MOST_PAIRS)
    if length < 1:
        return [None] * len(tests)
    jobs = max(100, min(1000, POWER_CELLS // length))
    drawn = resample(tests[0].sample.size, rng, jobs, length)
    let = [test.lets_pass(drawn) for test in tests]
    return [_mde_of(test, drawn, [*let[:at], *let[at + 1 :]]) for at, test in enumerate(tests)]


def _curves(
    tests: Sequence[MetricTest], rng: np.random.Generator, start_s: float
) -> list[tuple[Found, ...]]:
    """Of each metric, how often changes of some sizes are found within `CURVE_MINUTES`.

    Minutes without a single cluster are left out.
    """
    clusters = {m: min(int(60 * m / start_s), MOST_PAIRS) for m in CURVE_MINUTES}
    clusters = {minutes: many for minutes, many in clusters.items() if many}
    if not clusters:
        return [()] * len(tests)
    length = max(clusters.values())
    jobs = max(100, min(1000, POWER_CELLS // length))
    drawn = resample(tests[0].sample.size, rng, jobs, length)
    let = [test.lets_pass(drawn) for test in tests]
    found = []
    for at, test in enumerate(tests):
        others = [*let[:at], *let[at + 1 :]]
        points: list[Found] = []
        for factor in CHANGES:
            change = factor * math.expm1(test.d1)
            shares = found_within(test, drawn, others, change, list(clusters.values()))
            points += (Found(change, m, s) for m, s in zip(clusters, shares, strict=True))
        found.append(tuple(points))
    return found


def _mde_of(test: MetricTest, drawn: Resampled, others: Sequence[Bools]) -> float | None:
    def power(effect: float) -> float:
        fail = test.first_fail(drawn, effect)
        passed = first_pass([*others, test.lets_pass(drawn, effect)])
        return float((np.isfinite(fail) & (fail <= passed)).mean())

    low, high = 0.0, test.d1
    while power(high) < POWER:
        low, high = high, 2 * high
        if high > math.log(MOST_PAIRS):
            return None
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle) < POWER else (low, middle)
    return relative(high)


def _clopper_pearson(hits: int, trials: int) -> float:
    """Upper end of the one-sided 95% interval of a share."""
    return 1.0 if hits >= trials else float(betaincinv(hits + 1, trials - hits, 0.95))


def _sign_flip_p(d: Floats, rng: np.random.Generator) -> float:
    """Two-sided p-value of the mean under random signs; never 0."""
    signs = rng.choice([-1.0, 1.0], (FLIPS, d.size))
    # Rounding must not make the recorded signs look rarer than they are.
    as_far = np.abs(signs @ d) >= abs(d.sum()) * (1 - 1e-9)
    return float((as_far.sum() + 1) / (FLIPS + 1))


def _lacking(verdict: Verdict) -> str:
    """Which metrics some pair has no number for."""
    names = [metric.name for metric in verdict.metrics if metric.shortfalls]
    return f"; not measured often enough: {', '.join(names)}" if names else ""
