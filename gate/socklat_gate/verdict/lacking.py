"""What a metric lacks to be judged, by its true cause."""

from __future__ import annotations

import math
from collections.abc import Sequence

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Lack, ReasonFact
from socklat_gate.measured.pair import Pair, containers_of
from socklat_gate.scenario.exceeding import MIN_EXCEEDING, WANTED_EXCEEDING
from socklat_gate.verdict.judge import JudgedMetric

__all__ = ["lacking_fact"]


def lacking_fact(metric: JudgedMetric, used: Sequence[Pair]) -> ReasonFact:
    """NOT_MEASURED, TOO_FEW_REQUESTS, or TOO_FEW_SAMPLES of a metric that has shortfalls.

    Requests are too few where even all of them, corrected for nothing, would not do.  They are the
    arm's: as if each of a block's containers had as few as the one with fewest.
    """
    name, quantile = metric.verdict.name, metric.verdict.quantile
    if metric.unmeasured:
        return ReasonFact(Reason.NOT_MEASURED, name)
    by_index = {pair.index: pair for pair in used}
    lacks = [one for one in metric.verdict.shortfalls if one.lack is Lack.EXCHANGES]
    runs = [by_index[one.pair].arm(one.arm) for one in lacks if one.pair in by_index and one.arm]
    if quantile is None or not runs:
        return ReasonFact(Reason.TOO_FEW_SAMPLES, name)
    fewest = min(runs, key=lambda run: run.counters.get("recorded", 0))
    requests = containers_of(used) * fewest.counters.get("recorded", 0)
    if not 0 < requests * (1.0 - quantile) < MIN_EXCEEDING:
        return ReasonFact(Reason.TOO_FEW_SAMPLES, name)
    needed = math.ceil(round(WANTED_EXCEEDING / (1.0 - quantile), 6))
    length_s = fewest.duration_s
    numbers = {
        "requests": requests,
        "needed": needed,
        "length_s": length_s,
        "needed_s": length_s * needed / requests,
        "needed_rate": math.ceil(needed / length_s) if length_s else None,
    }
    return ReasonFact(Reason.TOO_FEW_REQUESTS, name, numbers)
