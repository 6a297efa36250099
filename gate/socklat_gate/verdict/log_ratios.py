"""From pairs to the numbers that the verdict rests on: one log ratio per pair and metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.facts import Lack, Shortfall
from socklat_gate.measured.names import CPU, MEMORY, STARTUP
from socklat_gate.measured.pair import ARMS, Pair, containers_of
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import (
    container_value,
    judged_histogram,
    request_part,
    used_histogram,
)
from socklat_gate.scenario.exceeding import MIN_EXCEEDING
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, container_units
from socklat_gate.verdict.precision import run_errors

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = [
    "LEAST_NS",
    "LogRatios",
    "Units",
    "least_exceeding",
    "metric_log_ratios",
    "pair_log_ratios",
    "request_pairs",
    "run_quantile_ns",
    "stage_log_ratios",
    "units_of",
]

LEAST_NS = 0.5
"""What a quantile of 0 ns counts as: half of the clock's unit."""

LACKS = {CPU: Lack.CPU_TIME, STARTUP: Lack.STARTUP, MEMORY: Lack.MEMORY}
"""What is missing where a container has no such number."""


@dataclass(frozen=True, slots=True)
class LogRatios:
    """One quantile, or number of the containers, over the pairs not excluded, in their order.

    ``pairs`` are their indices.  ``baseline_ns`` and ``candidate_ns`` have shape (pairs,), NaN
    where an arm has too few exchanges; ``raw_baseline_ns`` and ``raw_candidate_ns`` are the same
    without the correction for stalls.  ``usable``, shape (pairs,): where both arms have
    enough; ``log_ratios``, shape (usable pairs,), holds d_i = ln(candidate_i / baseline_i) of those
    and ``raw`` the same without the correction; ``corrected``: some run had one.  ``shortfalls``
    has every arm without enough; ``unmeasured``: no arm has the number at all.  ``replicas``, shape
    (pairs,), number the containers of a block.  ``errors`` and ``raw_errors``, shape (arms, pairs),
    are standard errors of the logarithms of the values, by the runs' own histograms; NaN where
    there is none, as of CPU time.  Values of stage ``memory`` are bytes.  Of several pairs on the
    same containers the first alone is ``due`` a start-up time, shape (pairs,); else all are.

    A pair without samples is never just left out: leaving it out could depend on the latency that
    is judged.  Whoever decides makes a metric with ``shortfalls`` inconclusive (TOO_FEW_SAMPLES);
    the usable pairs are for showing.
    """

    pairs: tuple[int, ...]
    baseline_ns: Floats
    candidate_ns: Floats
    raw_baseline_ns: Floats
    raw_candidate_ns: Floats
    usable: npt.NDArray[np.bool_]
    log_ratios: Floats
    raw: Floats
    errors: Floats
    raw_errors: Floats
    corrected: bool
    shortfalls: tuple[Shortfall, ...]
    unmeasured: bool = False
    replicas: tuple[int, ...] = ()
    due: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Units:
    """The log quantile of each container, shape (complete clusters, arms, k), arms as in ARMS.

    Of a container with several pairs it is their mean; ``raw`` is without the correction.
    ``complete``, shape (clusters,), are the clusters in which every container has enough exchanges:
    only they are here.  ``d`` and ``raw_d``, shape (complete clusters,), are the differences of the
    arms' means: log ratios of whole blocks.
    """

    of: Floats
    raw: Floats
    complete: npt.NDArray[np.bool_]

    @property
    def d(self) -> Floats:
        """The candidate's mean less the baseline's."""
        return _between_arms(self.of)

    @property
    def raw_d(self) -> Floats:
        """The same without the correction."""
        return _between_arms(self.raw)


def _between_arms(units: Floats) -> Floats:
    means = units.mean(axis=2)
    return np.asarray(means[:, 1] - means[:, 0])


def units_of(ratios: LogRatios, clusters: ClusterIds) -> Units:
    """Log quantiles by container; ``clusters`` are those of the same pairs."""
    used = np.where(ratios.usable, 0.0, np.nan)
    both, raw = (
        container_units(np.log([theirs, ours]) + used, ratios.replicas, clusters)
        for theirs, ours in (
            (ratios.baseline_ns, ratios.candidate_ns),
            (ratios.raw_baseline_ns, ratios.raw_candidate_ns),
        )
    )
    return Units(both[0], raw[0], both[1])


def pair_log_ratios(pairs: Sequence[Pair], stage: str, quantile: float | None) -> LogRatios:
    """Log ratios of one stage's quantile, or of a number of the containers (quantile None).

    Pairs with ``excluded`` are not looked at.
    """
    return stage_log_ratios(pairs, stage, [quantile])[0]


def stage_log_ratios(
    pairs: Sequence[Pair], stage: str, quantiles: Sequence[float | None]
) -> list[LogRatios]:
    """As `pair_log_ratios` for several quantiles of a stage, reading each histogram once."""
    used = [pair for pair in pairs if not pair.excluded]
    needed = least_exceeding(containers_of(used))
    found = np.full((len(ARMS), len(used), len(quantiles)), np.nan)
    raw = np.full_like(found, np.nan)
    errors, raw_errors = np.full((2, *found.shape), np.nan)
    shortfalls: list[list[Shortfall]] = [[] for _ in quantiles]
    for column, pair in enumerate(used):
        both = _judged_of_pair(pair, stage, quantiles, needed)
        for row, (arm, values) in enumerate(zip(ARMS, both, strict=True)):
            raw[row, column] = _raw_values(pair.arm(arm), stage, quantiles, values)
            for at, (value, shortfall) in enumerate(values):
                found[row, column, at] = value
                if shortfall and _is_due(pair, stage):
                    shortfalls[at].append(replace(shortfall, pair=pair.index, arm=arm))
        errors[:, column], raw_errors[:, column] = run_errors(pair, stage, quantiles, LEAST_NS)
    # Where raw values are judged, both arms' are, with their errors.
    errors = np.where((found == raw).all(axis=0), raw_errors, errors)
    return [
        _ratios(
            used,
            stage,
            quantile,
            (found[..., at], raw[..., at]),
            (errors[..., at], raw_errors[..., at]),
            shortfalls[at],
        )
        for at, quantile in enumerate(quantiles)
    ]


def metric_log_ratios(pairs: Sequence[Pair], metrics: Sequence[Metric]) -> dict[str, LogRatios]:
    """Log ratios by metric name; requests and stages in turn, so that each histogram is read once.

    Pairs with ``excluded`` are not looked at.
    """
    found: dict[str, LogRatios] = {}
    for request in dict.fromkeys(metric.request for metric in metrics):
        of_request = [metric for metric in metrics if metric.request == request]
        parts = request_pairs(pairs, request)
        for stage in dict.fromkeys(metric.stage for metric in of_request):
            judged = [metric for metric in of_request if metric.stage == stage]
            ratios = stage_log_ratios(parts, stage, [metric.quantile for metric in judged])
            found.update(zip((metric.name for metric in judged), ratios, strict=True))
    return found


def request_pairs(pairs: Sequence[Pair], request: str | None) -> Sequence[Pair]:
    """The pairs with nothing but the named request's exchanges in their runs (None: all)."""
    if not request:
        return pairs
    return [
        replace(
            pair,
            baseline=request_part(pair.baseline, request),
            candidate=request_part(pair.candidate, request),
        )
        for pair in pairs
    ]


def run_quantile_ns(
    run: Run, stage: str, quantile: float | None, containers: int = 1
) -> tuple[float, Shortfall | None]:
    """What is judged of one run, in the metric's unit, and None; or NaN and what is missing.

    As `measured.run_values.metric_value`, but at least `least_exceeding` exchanges must lie beyond
    the quantile.  Ratios of it are taken, so it is never less than `LEAST_NS`.
    """
    return _judged_values(run, stage, [quantile], least_exceeding(containers))[0]


def least_exceeding(containers: int) -> int:
    """Exchanges beyond a quantile that each of k containers must have.

    An arm needs as many as ever, and each of its containers got its part of the load.
    """
    return -(-MIN_EXCEEDING // containers)


def _ratios(
    used: Sequence[Pair],
    stage: str,
    quantile: float | None,
    values_ns: tuple[Floats, Floats],
    errors: tuple[Floats, Floats],
    shortfalls: Sequence[Shortfall],
) -> LogRatios:
    """``values_ns`` and ``errors``, (arms, pairs), as judged and without a correction."""
    found, raw = values_ns
    usable = np.isfinite(found[0]) & np.isfinite(found[1])
    log_ratios, raw_ratios = (np.diff(np.log(two[:, usable]), axis=0)[0] for two in (found, raw))
    runs = [pair.arm(arm) for pair in used for arm in ARMS]
    return LogRatios(
        pairs=tuple(pair.index for pair in used),
        baseline_ns=found[0],
        candidate_ns=found[1],
        raw_baseline_ns=raw[0],
        raw_candidate_ns=raw[1],
        usable=usable,
        log_ratios=log_ratios,
        raw=raw_ratios,
        errors=errors[0],
        raw_errors=errors[1],
        corrected=quantile is not None and any(_is_corrected(run, stage) for run in runs),
        shortfalls=tuple(shortfalls),
        unmeasured=bool(runs) and all(_is_unmeasured(run, stage, quantile) for run in runs),
        replicas=tuple(pair.replica for pair in used),
        due=tuple(_is_due(pair, stage) for pair in used),
    )


def _judged_of_pair(
    pair: Pair, stage: str, quantiles: Sequence[float | None], needed: int
) -> list[list[tuple[float, Shortfall | None]]]:
    """What is judged of both arms; raw in both where a correction leaves one too little.

    Slow requests meet stalls more often, so a candidate could else keep itself from being judged.
    """
    runs = [pair.arm(arm) for arm in ARMS]
    judged = [_judged_values(run, stage, quantiles, needed) for run in runs]
    if not any(lack for values in judged for _, lack in values):
        return judged
    raw = [_judged_values(replace(run, corrected=None), stage, quantiles, needed) for run in runs]
    for at in range(len(quantiles)):
        if any(v[at][1] for v in judged) and not any(v[at][1] for v in raw):
            for values, instead in zip(judged, raw, strict=True):
                values[at] = instead[at]
    return judged


def _is_corrected(run: Run, stage: str) -> bool:
    return run.corrected is not None and stage in run.corrected.histograms


def _is_due(pair: Pair, stage: str) -> bool:
    return stage != STARTUP or pair.first_of_start


def _is_unmeasured(run: Run, stage: str, quantile: float | None) -> bool:
    if quantile is None:
        return math.isnan(container_value(run, stage))
    return judged_histogram(run, stage) is None


def _raw_values(
    run: Run,
    stage: str,
    quantiles: Sequence[float | None],
    judged: Sequence[tuple[float, Shortfall | None]],
) -> list[float]:
    """Quantiles of all exchanges; what is not corrected is as it is judged."""
    histogram = run.histograms.get(stage)
    if not _is_corrected(run, stage) or histogram is None:
        return [value for value, _ in judged]
    shares = [quantile for quantile in quantiles if quantile is not None]
    return [max(value, LEAST_NS) for value in histogram.quantiles_ns(shares).tolist()]


def _judged_values(
    run: Run, stage: str, quantiles: Sequence[float | None], needed: int
) -> list[tuple[float, Shortfall | None]]:
    judged, used = judged_histogram(run, stage), used_histogram(run, stage)
    shares = [quantile for quantile in quantiles if quantile is not None]
    values = iter(judged.quantiles_ns(shares).tolist() if judged is not None else [])
    total = used.total if used is not None else 0
    found: list[tuple[float, Shortfall | None]] = []
    for quantile in quantiles:
        if quantile is None:
            value = container_value(run, stage)
            found.append((value, None if value > 0 else Shortfall(LACKS[stage])))
        elif judged is None:
            found.append((math.nan, Shortfall(Lack.STAGE)))
        else:
            found.append(_enough(next(values), total, quantile, needed))
    return found


def _enough(
    value_ns: float, total: int, quantile: float, needed: int
) -> tuple[float, Shortfall | None]:
    # 500 * (1 - 0.9) is 49.99999999999999 in floating point.
    exceeding = round(total * (1.0 - quantile), 6)
    if exceeding >= needed:
        return max(value_ns, LEAST_NS), None
    lack = Shortfall(Lack.EXCHANGES, exceeding=exceeding, exchanges=total, needed=needed)
    return math.nan, lack
