"""A trace as metric families, for whatever scrapes it: Prometheus' text format, or OpenMetrics.

Counters and the histogram are since the trace began; quantiles are of the last minute.  Names and
labels are a contract: docs/howto/monitoring.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from socklat_gate.measured.bpf_layout import names
from socklat_gate.measured.histogram import Histogram, bucket_edges_ns
from socklat_gate.trace.last_minute import LastMinute, Minute
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.trace.target import Target

__all__ = ["LiveMetrics", "exposition"]

PREFIX = "socklat_trace"
QUANTILES = (0.5, 0.9, 0.99, 0.999)
OCTAVES = range(10, 37)
"""Buckets end at 2**k - 1 ns, as in the reports of a gate."""
CONNECTIONS = {"connections": "accepted", "adopted": "found_open"}
EVENTS = ("no_response", "retransmits", "resets_sent", "resets_received")
SPOILS = ("dropped_map_full", "overlapped", "clamped_clock", "clamped_range")
BYTES = {"bytes_rx": "received", "bytes_tx": "sent"}


class LiveMetrics:
    """The newest snapshot of a trace, as a response that any thread may ask for."""

    def __init__(self, target: Target, first: Snapshot) -> None:
        self._target = target
        self._minutes = LastMinute()
        self._newest = self._minutes.add(first)

    def add(self, snapshot: Snapshot) -> None:
        """Make it the newest."""
        self._newest = self._minutes.add(snapshot)

    def render(self, accept: str) -> tuple[bytes, str]:
        """As `exposition`."""
        return exposition(self._target, self._newest, accept)


class _Exposition(Collector):
    def __init__(self, target: Target, minute: Minute) -> None:
        self._target = target
        self._minute = minute

    def collect(self) -> Iterator[Metric]:
        """All families; those without samples are left out."""
        return (family for family in self._families() if family.samples)

    def _families(self) -> Iterator[Metric]:
        snapshot = self._minute.snapshot
        counters = snapshot.counters
        yield self._info()
        yield _gauge("elapsed_seconds", "Time since the trace began.", snapshot.elapsed_s)
        yield _gauge("window_seconds", "Time that quantiles are of.", self._minute.seconds)
        yield _response(snapshot.total["response"])
        yield self._stages()
        yield self._slowest()
        yield self._measured()
        yield _count("exchanges", "Exchanges.", {"": counters["seen"]})
        yield _gauge("open_exchanges", "Exchanges that are under way.", counters["pending"])
        opened = {how: counters[name] for name, how in CONNECTIONS.items()}
        yield _count("connections", "Connections, by how they were met.", opened, "how")
        events = {**snapshot.network, **{name: counters[name] for name in EVENTS}}
        yield _count("events", "What else happened on the sockets.", events, "event")
        yield _count("dropped_packets", "Packets that were dropped.", snapshot.drops, "reason")
        spoilt = {**{name: counters[name] for name in SPOILS}, "missed": snapshot.missed}
        yield _count("incomplete", "What makes the numbers incomplete.", spoilt, "cause")
        moved = {way: counters[name] for name, way in BYTES.items()}
        yield _count("bytes", "Bytes of connections that have ended.", moved, "direction")

    def _info(self) -> Metric:
        target = self._target
        labels = {
            "name": target.name or target.label,
            "id": target.id,
            "image": target.image,
            "pid": str(target.pid or ""),
            "ports": ",".join(map(str, target.ports)),
        }
        found = InfoMetricFamily(f"{PREFIX}_target", "What is traced.")
        found.add_metric([], labels)
        return found

    def _stages(self) -> Metric:
        found = SummaryMetricFamily(
            f"{PREFIX}_stage_seconds",
            "Time of one stage: quantiles of the last minute, sum and count since the start.",
            labels=["stage"],
            unit="seconds",
        )
        for stage, total in self._minute.snapshot.total.items():
            if not total.total:
                continue
            recent = self._minute.recent[stage]
            values = recent.quantiles_ns(QUANTILES) if recent.total else ()
            for quantile, value in zip(QUANTILES, values, strict=False):
                place = {"stage": stage, "quantile": str(quantile)}
                found.add_sample(found.name, place, float(value) / 1e9)
            found.add_metric([stage], total.total, total.mean_ns() * total.total / 1e9)
        return found

    def _slowest(self) -> Metric:
        text = "Longest time of one stage in the last minute."
        found = GaugeMetricFamily(f"{PREFIX}_stage_max_seconds", text, labels=["stage"])
        for stage, recent in self._minute.recent.items():
            if recent.total:
                found.add_metric([stage], float(recent.max_ns()) / 1e9)
        return found

    def _measured(self) -> Metric:
        text = "1 where the kernel and the chosen detail show the stage."
        found = GaugeMetricFamily(f"{PREFIX}_stage_measured", text, labels=["stage"])
        for stage in names("STAGE_"):
            found.add_metric([stage], float(stage in self._minute.snapshot.total))
        return found


def exposition(target: Target, minute: Minute, accept: str) -> tuple[bytes, str]:
    """Text and content type of a response to a request with this ``Accept`` header."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Exposition(target, minute))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _count(name: str, text: str, counts: Mapping[str, int], label: str = "") -> Metric:
    found = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=[label] if label else [])
    for value, count in counts.items():
        found.add_metric([value] if label else [], count)
    return found


def _response(total: Histogram) -> Metric:
    text = "Time of whole exchanges since the start."
    found = HistogramMetricFamily(f"{PREFIX}_response_seconds", text, labels=[], unit="seconds")
    edges, counts, number = bucket_edges_ns(), total.counts, float(total.total)
    buckets = [
        (repr(((1 << octave) - 1) / 1e9), float(counts[edges[:-1] < 1 << octave].sum()))
        for octave in OCTAVES
    ]
    spent_s = total.mean_ns() * number / 1e9 if number else 0.0
    found.add_metric([], [*buckets, ("+Inf", number)], spent_s)
    return found
