"""From pairs to the numbers that the verdict rests on: one log ratio per pair and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.facts import Shortfall
from socklat_gate.measured.names import STARTUP
from socklat_gate.measured.pair import ARMS, Pair, containers_of
from socklat_gate.measured.run_values import request_part
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.judged_values import (
    LEAST_NS,
    is_corrected,
    is_unmeasured,
    judged_of_pair,
    least_exceeding,
    raw_values,
)
from socklat_gate.verdict.precision import run_errors

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = [
    "LogRatios",
    "metric_log_ratios",
    "pair_log_ratios",
    "request_pairs",
    "stage_log_ratios",
]


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
        both = judged_of_pair(pair, stage, quantiles, needed)
        for row, (arm, values) in enumerate(zip(ARMS, both, strict=True)):
            raw[row, column] = raw_values(pair.arm(arm), stage, quantiles, values)
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
        corrected=quantile is not None and any(is_corrected(run, stage) for run in runs),
        shortfalls=tuple(shortfalls),
        unmeasured=bool(runs) and all(is_unmeasured(run, stage, quantile) for run in runs),
        replicas=tuple(pair.replica for pair in used),
        due=tuple(_is_due(pair, stage) for pair in used),
    )


def _is_due(pair: Pair, stage: str) -> bool:
    return stage != STARTUP or pair.first_of_start
