"""From pairs to the numbers that the verdict rests on: one log ratio per pair and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gate.campaign import ARMS, Pair, Run
from gate.histogram import Histogram
from gate.scenario import MIN_EXCEEDING
from gate.verdict.evidence import Floats

__all__ = ["LogRatios", "pair_log_ratios", "run_quantile_ns", "value_ns"]

LEAST_NS = 0.5
"""What a quantile of 0 ns counts as: half of the clock's unit."""


@dataclass(frozen=True, slots=True)
class LogRatios:
    """One quantile over the pairs that were not set aside, in their order.

    ``baseline_ns`` and ``candidate_ns`` have shape (pairs,), NaN where an arm has too few
    exchanges; ``usable``, shape (pairs,), says where both arms have enough; ``log_ratios``, shape
    (usable pairs,), holds d_i = ln(candidate_i / baseline_i) of those; ``too_few`` holds a sentence
    for every arm without enough.

    A pair without samples is never just left out: leaving it out could depend on the latency that
    is judged.  Whoever decides makes a metric with a non-empty ``too_few`` inconclusive
    (TOO_FEW_SAMPLES); the usable pairs are for showing.
    """

    baseline_ns: Floats
    candidate_ns: Floats
    usable: npt.NDArray[np.bool_]
    log_ratios: Floats
    too_few: tuple[str, ...]


def pair_log_ratios(pairs: Sequence[Pair], stage: str, quantile: float | None) -> LogRatios:
    """Log ratios of one stage's quantile, or of the CPU time per request (stage ``cpu``).

    Pairs with ``set_aside`` are not looked at.
    """
    used = [pair for pair in pairs if not pair.set_aside]
    found = np.full((len(ARMS), len(used)), np.nan)
    too_few: list[str] = []
    for column, pair in enumerate(used):
        for row, arm in enumerate(ARMS):
            found[row, column], problem = run_quantile_ns(pair.arm(arm), stage, quantile)
            if problem:
                too_few.append(f"pair {pair.index}, {arm}: {problem}")
    usable = np.all(np.isfinite(found), axis=0)
    baseline_ns, candidate_ns = found
    log_ratios = np.log(candidate_ns[usable]) - np.log(baseline_ns[usable])
    return LogRatios(baseline_ns, candidate_ns, usable, log_ratios, tuple(too_few))


def run_quantile_ns(run: Run, stage: str, quantile: float | None) -> tuple[float, str]:
    """What is judged of one run, in ns, and ""; or NaN and what is missing.

    As `value_ns`, but at least `gate.scenario.MIN_EXCEEDING` exchanges must lie beyond the
    quantile.  Ratios of it are taken, so it is never less than `LEAST_NS`.
    """
    value = value_ns(run, stage, quantile)
    if quantile is None:
        return value, "" if value > 0 else "the container's CPU time was not measured"
    used = _histograms(run, stage)[1]
    if used is None:
        return value, f"stage {stage} was not measured"
    # 500 * (1 - 0.9) is 49.99999999999999 in floating point.
    exceeding = round(used.exceeding(quantile), 6)
    if exceeding < MIN_EXCEEDING:
        return float("nan"), (
            f"{exceeding:.3g} of {used.total} exchanges lie beyond {stage} "
            f"p{100 * quantile:g}, {MIN_EXCEEDING} are needed"
        )
    return max(value, LEAST_NS), ""


def value_ns(run: Run, stage: str, quantile: float | None) -> float:
    """A quantile of one run, corrected for stalls where that was done; NaN when not measured.

    Without a quantile it is the CPU time per request.
    """
    if quantile is None:
        measured = run.cpu_ns > 0 and run.cpu_exchanges > 0
        return run.cpu_ns / run.cpu_exchanges if measured else float("nan")
    histogram = _histograms(run, stage)[0]
    return float("nan") if histogram is None else histogram.quantile_ns(quantile)


def _histograms(run: Run, stage: str) -> tuple[Histogram | None, Histogram | None]:
    """The histogram that is judged, and the one that counts what it rests on."""
    if run.corrected is not None and stage in run.corrected.histograms:
        return run.corrected.histograms[stage], run.corrected.used[stage]
    return run.histograms.get(stage), run.histograms.get(stage)
