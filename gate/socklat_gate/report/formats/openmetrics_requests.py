"""Metric families of named requests, TLS handshakes and the join of two logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric, SummaryMetricFamily

from socklat_gate.measured.attribution import COMPONENTS
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CLIENT
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.formats.openmetrics_families import PREFIX, gauge, label_text
from socklat_gate.report.handshake_rows import handshakes_by_arm
from socklat_gate.report.request_numbers import (
    RequestNumbers,
    join_of,
    request_numbers,
    weight_of,
)

__all__ = ["request_families"]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
STAGES = ("response", CLIENT, *COMPONENTS)
"""Of a named request: all its stages would make the file of thirty of them a megabyte."""
FATES = ("planned", "sent", "responded")


def request_families(arms: Arms) -> Iterator[Metric]:
    """Everything of names by request and arm; nothing without names."""
    found = list(request_numbers(arms))
    names = dict.fromkeys(one.request for one in found)
    weights = [({"request": label_text(name)}, weight_of(arms, name)) for name in names]
    yield gauge("request_weight", "Share of the scenario's requests.", weights, "ratio")
    yield _times(found)
    counts = [
        (_labels(one) | {"fate": fate}, float(getattr(one.counts, fate)))
        for one in found
        if one.counts is not None
        for fate in FATES
    ]
    yield gauge("requests", "Requests of the load driver by name and fate.", counts)
    errors = [
        (_labels(one) | {"kind": label_text(kind)}, float(number))
        for one in found
        if one.counts is not None
        for kind, number in one.counts.answers.errors.items()
    ]
    yield gauge("request_errors", "Failed requests by name and kind.", errors)
    sizes = [
        (_labels(one), one.counts.answers.sizes.quantile_ns(0.5))
        for one in found
        if one.counts is not None
    ]
    yield gauge("request_size", "Median size of the responses by name.", sizes, "bytes")
    slow = [(_labels(one), float(one.spikes)) for one in found]
    yield gauge("request_spikes", "Slow exchanges by name, from the run's own threshold on.", slow)
    yield _handshakes(handshakes_by_arm(arms))
    joins = [
        ({"arm": arm, "of": of}, float(getattr(join, of)))
        for arm, runs in arms
        if (join := join_of(runs)) is not None
        for of in ("connections", "mismatched", "logged", "joined")
    ]
    yield gauge("join", "Connections compared, exchanges joined with requests.", joins)


def _labels(one: RequestNumbers) -> dict[str, str]:
    return {"request": label_text(one.request), "arm": one.arm}


def _times(found: list[RequestNumbers]) -> Metric:
    family = _summary(
        "request_seconds",
        "Time of one stage of one named request, over all runs in use.",
        ("request", "arm", "stage", "numbers"),
    )
    for one in found:
        for stage in STAGES:
            if stage in one.stages:
                numbers = "corrected" if stage in one.corrected else "raw"
                labels = _labels(one) | {"stage": stage, "numbers": numbers}
                _add(family, labels, one.stages[stage], one.exchanges)
    return family


def _handshakes(arms: Mapping[str, Histogram]) -> Metric:
    family = _summary("handshake_seconds", "TLS handshakes, which are no exchanges.", ("arm",))
    for arm, times in arms.items():
        _add(family, {"arm": arm}, times, times.total)
    return family


def _summary(name: str, text: str, labels: tuple[str, ...]) -> SummaryMetricFamily:
    return SummaryMetricFamily(f"{PREFIX}_{name}", text, labels=labels, unit="seconds")


def _add(
    family: SummaryMetricFamily, labels: Mapping[str, str], times: Histogram, number: int
) -> None:
    """Quantiles, number and sum of a distribution; nothing of an empty one."""
    if not times.total:
        return
    for quantile, value in zip(QUANTILES, times.quantiles_ns(QUANTILES), strict=True):
        family.add_sample(family.name, {**labels, "quantile": str(quantile)}, float(value) / 1e9)
    family.add_metric(list(labels.values()), number, times.mean_ns() * number / 1e9)
