"""What a new scenario judges: as much of the default as its rate has enough requests for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.init.traffic.proposal import ProposedRequest
from socklat_gate.scenario.gating import WANTED_EXCEEDING, Metric, default_metrics
from socklat_gate.scenario.named_gate import named_zone

__all__ = ["Judged", "metrics_for"]

USUAL_S, LONGEST_S = 5.0, 20.0
MEDIAN = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """``metrics`` to write down; ``left_out`` are names of others with the s a run would take.

    ``by_default``: nothing is to be written, since all that is judged by default can be.
    """

    metrics: tuple[Metric, ...]
    left_out: tuple[tuple[str, int], ...]
    duration_s: float
    by_default: bool = False


def metrics_for(rate: float, requests: Sequence[ProposedRequest] = ()) -> Judged:
    """The default's metrics, and those of each request, that runs of `LONGEST_S` can judge.

    The median of all requests and CPU time always.  A rate of requests per second.
    """
    wanted = default_metrics()
    metrics = [one for one in wanted if _needs_s(rate, one) <= LONGEST_S or _is_median(one)]
    left_out = [(one.name, math.ceil(_needs_s(rate, one))) for one in wanted if one not in metrics]
    duration_s = float(math.ceil(max(USUAL_S, *(_needs_s(rate, one) for one in metrics))))
    if len(requests) < 2:
        return Judged(tuple(metrics), tuple(left_out), duration_s)
    if not left_out:
        return Judged((), (), duration_s, by_default=True)
    total = sum(request.weight for request in requests)
    for request in requests:
        for one in wanted:
            needs_s = _needs_s(rate * request.weight / total, one)
            named = one.model_copy(update={"request": request.name})
            if one.quantile is None:
                continue
            if needs_s <= LONGEST_S:
                metrics.append(named)
            elif _is_median(one):
                left_out.append((named.name, math.ceil(needs_s)))
    needed_s = max(_needs_s(rate * _share(one, requests, total), one) for one in metrics)
    duration_s = max(duration_s, float(math.ceil(needed_s)))
    zoned = [_zoned(one, rate * duration_s * _share(one, requests, total)) for one in metrics]
    return Judged(tuple(zoned), tuple(left_out), duration_s)


def _zoned(metric: Metric, per_run: float) -> Metric:
    """With the zone that suits how many of its request come in a run."""
    if not metric.request or metric.quantile is None:
        return metric
    tolerance, threshold = named_zone(metric.quantile, per_run)
    return metric.model_copy(update={"tolerance": tolerance, "regression_threshold": threshold})


def _share(metric: Metric, requests: Sequence[ProposedRequest], total: float) -> float:
    return next((one.weight / total for one in requests if one.name == metric.request), 1.0)


def _is_median(metric: Metric) -> bool:
    return metric.quantile == MEDIAN


def _needs_s(rate: float, metric: Metric) -> float:
    if metric.quantile is None:
        return 0.0
    return WANTED_EXCEEDING / ((1 - metric.quantile) * rate)
