"""The regression thresholds of all metrics in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.wording import units
from socklat_gate.wording.metric_names import metric_phrase, without_request

__all__ = ["thresholds_text"]


def thresholds_text(metrics: Sequence[MetricVerdict]) -> str:
    """``response_p50 +5.00%, of each of 30 requests response_p50 +5.00%, response_p99 +15.0%``."""
    return ", ".join(_parts(metrics))


def _parts(metrics: Sequence[MetricVerdict]) -> Iterator[str]:
    """Each of the whole, then those of named requests, the same quantile's together."""
    together: dict[str, list[MetricVerdict]] = {}
    for metric in metrics:
        if metric.request:
            together.setdefault(without_request(metric.name), []).append(metric)
        else:
            yield f"{metric.name} {units.change(metric.regression_threshold)}"
    before = 0
    for name, found in together.items():
        if len(found) == 1:
            yield f"{metric_phrase(found[0].name)} {_range(found)}"
        elif len(found) == before:
            yield f"{name} {_range(found)}"
        else:
            yield f"of each of {len(found)} requests {name} {_range(found)}"
        before = len(found)


def _range(metrics: Sequence[MetricVerdict]) -> str:
    thresholds = sorted(metric.regression_threshold for metric in metrics)
    lowest, highest = map(units.change, (thresholds[0], thresholds[-1]))
    return lowest if lowest == highest else f"{lowest} to {highest}"
