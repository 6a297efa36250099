"""What of one run is judged: a quantile with enough beyond it, or a number of the containers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from socklat_gate.measured.facts import Lack, Shortfall
from socklat_gate.measured.names import CPU, MEMORY, STARTUP
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import container_value, judged_histogram, used_histogram
from socklat_gate.scenario.exceeding import MIN_EXCEEDING

__all__ = [
    "LEAST_NS",
    "is_corrected",
    "is_unmeasured",
    "judged_of_pair",
    "least_exceeding",
    "raw_values",
    "run_quantile_ns",
]

LEAST_NS = 0.5
"""What a quantile of 0 ns counts as: half of the clock's unit."""

LACKS = {CPU: Lack.CPU_TIME, STARTUP: Lack.STARTUP, MEMORY: Lack.MEMORY}
"""What is missing where a container has no such number."""


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


def judged_of_pair(
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


def is_corrected(run: Run, stage: str) -> bool:
    """Whether the stage is judged without the machine's stalls."""
    return run.corrected is not None and stage in run.corrected.histograms


def is_unmeasured(run: Run, stage: str, quantile: float | None) -> bool:
    """Whether the run does not have the number at all."""
    if quantile is None:
        return math.isnan(container_value(run, stage))
    return judged_histogram(run, stage) is None


def raw_values(
    run: Run,
    stage: str,
    quantiles: Sequence[float | None],
    judged: Sequence[tuple[float, Shortfall | None]],
) -> list[float]:
    """Quantiles of all exchanges; what is not corrected is as it is judged."""
    histogram = run.histograms.get(stage)
    if not is_corrected(run, stage) or histogram is None:
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
