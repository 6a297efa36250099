"""From pairs to the numbers that the verdict rests on: one log ratio per pair and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gate.campaign import ARMS, Pair, Run
from gate.scenario import MIN_EXCEEDING
from gate.verdict.evidence import Floats

__all__ = ["LogRatios", "pair_log_ratios", "run_quantile_ns"]

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


def pair_log_ratios(pairs: Sequence[Pair], stage: str, quantile: float) -> LogRatios:
    """Log ratios of one stage's quantile; pairs with ``set_aside`` are not looked at."""
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


def run_quantile_ns(run: Run, stage: str, quantile: float) -> tuple[float, str]:
    """A quantile of one run in ns and "", or NaN and what is missing.

    At least `gate.scenario.MIN_EXCEEDING` exchanges must lie beyond the quantile.  Ratios of it
    are taken, so it is never less than `LEAST_NS`.
    """
    histogram = run.histograms.get(stage)
    if histogram is None:
        return float("nan"), f"stage {stage} was not measured"
    # 500 * (1 - 0.9) is 49.99999999999999 in floating point.
    exceeding = round(histogram.exceeding(quantile), 6)
    if exceeding < MIN_EXCEEDING:
        return float("nan"), (
            f"{exceeding:.3g} of {histogram.total} exchanges lie beyond {stage} "
            f"p{100 * quantile:g}, {MIN_EXCEEDING} are needed"
        )
    return max(histogram.quantile_ns(quantile), LEAST_NS), ""
