"""From pairs to the numbers that the verdict rests on: one log ratio per pair and metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.campaign import ARMS, Pair, Run
from socklat_gate.measured.histogram import Histogram
from socklat_gate.scenario.gating import MIN_EXCEEDING
from socklat_gate.verdict.arrays import Floats

__all__ = [
    "LEAST_NS",
    "LogRatios",
    "pair_log_ratios",
    "run_quantile_ns",
    "stage_log_ratios",
    "value_ns",
]

LEAST_NS = 0.5
"""What a quantile of 0 ns counts as: half of the clock's unit."""


@dataclass(frozen=True, slots=True)
class LogRatios:
    """One quantile over the pairs that were not excluded, in their order.

    ``baseline_ns`` and ``candidate_ns`` have shape (pairs,), NaN where an arm has too few
    exchanges; ``usable``, shape (pairs,), says where both arms have enough; ``log_ratios``, shape
    (usable pairs,), holds d_i = ln(candidate_i / baseline_i) of those and ``raw`` the same without
    the correction for stalls; ``too_few`` holds a sentence for every arm without enough;
    ``unmeasured`` says that no arm has the number at all.

    A pair without samples is never just left out: leaving it out could depend on the latency that
    is judged.  Whoever decides makes a metric with a non-empty ``too_few`` inconclusive
    (TOO_FEW_SAMPLES); the usable pairs are for showing.
    """

    baseline_ns: Floats
    candidate_ns: Floats
    usable: npt.NDArray[np.bool_]
    log_ratios: Floats
    raw: Floats
    too_few: tuple[str, ...]
    unmeasured: bool = False


def pair_log_ratios(pairs: Sequence[Pair], stage: str, quantile: float | None) -> LogRatios:
    """Log ratios of one stage's quantile, or of the CPU time per request (stage ``cpu``).

    Pairs with ``excluded`` are not looked at.
    """
    return stage_log_ratios(pairs, stage, [quantile])[0]


def stage_log_ratios(
    pairs: Sequence[Pair], stage: str, quantiles: Sequence[float | None]
) -> list[LogRatios]:
    """As `pair_log_ratios` for several quantiles of a stage, reading each histogram once."""
    used = [pair for pair in pairs if not pair.excluded]
    found = np.full((len(ARMS), len(used), len(quantiles)), np.nan)
    raw = np.full_like(found, np.nan)
    too_few: list[list[str]] = [[] for _ in quantiles]
    for column, pair in enumerate(used):
        for row, arm in enumerate(ARMS):
            run = pair.arm(arm)
            values = _judged_values(run, stage, quantiles)
            raw[row, column] = _raw_values(run, stage, quantiles, values)
            for at, (value, problem) in enumerate(values):
                found[row, column, at] = value
                if problem:
                    too_few[at].append(f"pair {pair.index}, {arm}: {problem}")
    return [
        _ratios(found[..., at], raw[..., at], too_few[at], _unmeasured(used, stage, quantile))
        for at, quantile in enumerate(quantiles)
    ]


def run_quantile_ns(run: Run, stage: str, quantile: float | None) -> tuple[float, str]:
    """What is judged of one run, in ns, and ""; or NaN and what is missing.

    As `value_ns`, but at least `scenario.gating.MIN_EXCEEDING` exchanges must lie beyond the
    quantile.  Ratios of it are taken, so it is never less than `LEAST_NS`.
    """
    return _judged_values(run, stage, [quantile])[0]


def value_ns(run: Run, stage: str, quantile: float | None) -> float:
    """A quantile of one run, corrected for stalls where that was done; NaN when not measured.

    Without a quantile it is the CPU time per request.
    """
    if quantile is None:
        return _cpu_ns(run)
    histogram = _histograms(run, stage)[0]
    return float("nan") if histogram is None else histogram.quantile_ns(quantile)


def _unmeasured(used: Sequence[Pair], stage: str, quantile: float | None) -> bool:
    runs = [pair.arm(arm) for pair in used for arm in ARMS]
    if quantile is None:
        return bool(runs) and all(math.isnan(_cpu_ns(run)) for run in runs)
    return bool(runs) and all(_histograms(run, stage)[0] is None for run in runs)


def _ratios(found: Floats, raw: Floats, too_few: Sequence[str], unmeasured: bool) -> LogRatios:
    baseline_ns, candidate_ns = found
    usable = np.isfinite(baseline_ns) & np.isfinite(candidate_ns)
    log_ratios, raw_ratios = (np.diff(np.log(two[:, usable]), axis=0)[0] for two in (found, raw))
    return LogRatios(
        baseline_ns, candidate_ns, usable, log_ratios, raw_ratios, tuple(too_few), unmeasured
    )


def _raw_values(
    run: Run,
    stage: str,
    quantiles: Sequence[float | None],
    judged: Sequence[tuple[float, str]],
) -> list[float]:
    """Quantiles of all exchanges; what is not corrected is as it is judged."""
    histogram = run.histograms.get(stage)
    if run.corrected is None or stage not in run.corrected.histograms or histogram is None:
        return [value for value, _ in judged]
    shares = [quantile for quantile in quantiles if quantile is not None]
    return [max(value, LEAST_NS) for value in histogram.quantiles_ns(shares).tolist()]


def _judged_values(
    run: Run, stage: str, quantiles: Sequence[float | None]
) -> list[tuple[float, str]]:
    judged, used = _histograms(run, stage)
    shares = [quantile for quantile in quantiles if quantile is not None]
    values = iter(judged.quantiles_ns(shares).tolist() if judged is not None else [])
    total = used.total if used is not None else 0
    found: list[tuple[float, str]] = []
    for quantile in quantiles:
        if quantile is None:
            cpu_ns = _cpu_ns(run)
            missing = "" if cpu_ns > 0 else "the container's CPU time was not measured"
            found.append((cpu_ns, missing))
        elif judged is None:
            found.append((float("nan"), f"stage {stage} was not measured"))
        else:
            found.append(_enough(next(values), total, stage, quantile))
    return found


def _enough(value_ns: float, total: int, stage: str, quantile: float) -> tuple[float, str]:
    # 500 * (1 - 0.9) is 49.99999999999999 in floating point.
    exceeding = round(total * (1.0 - quantile), 6)
    if exceeding >= MIN_EXCEEDING:
        return max(value_ns, LEAST_NS), ""
    return float("nan"), (
        f"{exceeding:.3g} of {total} exchanges lie beyond {stage} p{100 * quantile:g}, "
        f"{MIN_EXCEEDING} are needed"
    )


def _cpu_ns(run: Run) -> float:
    measured = run.cpu_ns > 0 and run.cpu_exchanges > 0
    return run.cpu_ns / run.cpu_exchanges if measured else float("nan")


def _histograms(run: Run, stage: str) -> tuple[Histogram | None, Histogram | None]:
    """The histogram that is judged, and the one that counts what it rests on."""
    if run.corrected is not None and stage in run.corrected.histograms:
        return run.corrected.histograms[stage], run.corrected.used[stage]
    return run.histograms.get(stage), run.histograms.get(stage)
