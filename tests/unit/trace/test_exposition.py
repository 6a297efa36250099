"""What `trace --listen` serves, and that the dashboard asks for nothing else."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from socklat_gate.measured.bpf_layout import names
from socklat_gate.measured.histogram import Histogram
from socklat_gate.trace.exposition import LiveMetrics
from socklat_gate.trace.snapshot import Snapshot
from tests.unit.trace.snapshots import STARTED_NS, counters, snapshot, target

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "docs" / "grafana" / "trace.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def busy(**changes: Any) -> Snapshot:
    """Everything that can happen has happened."""
    total = {stage: Histogram.of([1_000_000] * 200) for stage in names("STAGE_")}
    return snapshot(
        total=total,
        counters=counters(**dict.fromkeys(names("COUNTER_"), 7), pending=2),
        network={"retransmits": 7, "listen_overflows": 1},
        drops={"NO_SOCKET": 3},
        missed=1,
        **changes,
    )


def samples(text: bytes, parse: Any = prometheus) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (one.name, tuple(sorted(f"{k}={v}" for k, v in one.labels.items()))): one.value
        for family in parse(text.decode())
        for one in family.samples
    }


def test_counters_are_since_the_start_and_quantiles_of_the_last_minute() -> None:
    slow = Histogram.of([1_000_000] * 200 + [8_000_000] * 10)
    live = LiveMetrics(target(name="shop"), snapshot())
    taken_at_ns = STARTED_NS + 70 * 10**9
    live.add(
        snapshot(
            taken_at_ns=taken_at_ns,
            total={**snapshot().total, "response": slow},
            counters=counters(seen=210, connections=3, pending=1),
        )
    )
    text, kind = live.render("")
    assert kind.startswith("text/plain; version=0.0.4")
    found = samples(text)
    stage = "socklat_trace_stage_seconds"
    assert found[stage, ("quantile=0.5", "stage=response")] == pytest.approx(8e-3, rel=0.01)
    assert found[f"{stage}_count", ("stage=response",)] == 210
    assert found[f"{stage}_sum", ("stage=response",)] == pytest.approx(0.28, rel=0.01)
    assert found["socklat_trace_stage_max_seconds", ("stage=response",)] == pytest.approx(
        8e-3, rel=0.01
    )
    assert found["socklat_trace_window_seconds", ()] == 68
    assert found["socklat_trace_exchanges_total", ()] == 210
    assert found["socklat_trace_open_exchanges", ()] == 1
    buckets = {
        float(labels[0].removeprefix("le=")): value
        for (name, labels), value in found.items()
        if name == "socklat_trace_response_seconds_bucket"
    }
    assert buckets[math.inf] == 210
    assert [buckets[edge] for edge in sorted(buckets)] == sorted(buckets.values())
    assert {value for edge, value in buckets.items() if 1.1e-3 < edge < 7.9e-3} == {200}


def test_what_did_not_happen_has_no_quantile_and_no_stage_is_silently_absent() -> None:
    found = samples(LiveMetrics(target(), snapshot()).render("")[0])
    assert not any("stage=depend" in labels for name, labels in found if "_seconds" in name)
    measured = {labels: value for (name, labels), value in found.items() if "_measured" in name}
    assert measured["stage=depend",] == 1
    assert measured["stage=rx_stack",] == 0
    assert len(measured) == len(names("STAGE_"))
    assert not any(math.isnan(value) for value in found.values())


def test_a_scraper_chooses_openmetrics() -> None:
    live = LiveMetrics(target(), busy())
    text, kind = live.render(OPENMETRICS)
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    assert samples(text, openmetrics) == samples(live.render("text/plain")[0])


def test_a_hostile_name_ends_no_label() -> None:
    hostile = 'a"} 1\nsocklat_trace_exchanges_total 9\n# \\'
    live = LiveMetrics(target(name=hostile, image=hostile), busy())
    for accept, parse in ((OPENMETRICS, openmetrics), ("", prometheus)):
        found = samples(live.render(accept)[0], parse)
        assert found["socklat_trace_exchanges_total", ()] == 7
        assert any(f"name={hostile}" in labels for _, labels in found)


def queries() -> Iterator[str]:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in dashboard["panels"]:
        yield from (one["expr"] for one in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        yield variable.get("definition", "")


def test_the_dashboard_asks_for_what_is_served() -> None:
    served = samples(LiveMetrics(target(), busy()).render("")[0])
    by_name: dict[str, set[str]] = {}
    for name, labels in served:
        by_name.setdefault(name, {"instance", "job"}).update(
            label.partition("=")[0] for label in labels
        )
    asked = set()
    for query in queries():
        for name, selector in re.findall(r"\b(socklat_\w+)(?:\{([^}]*)\})?", query):
            asked.add(name)
            labels = set(re.findall(r"(\w+)=~?\"", selector))
            assert labels <= by_name[name], query
        grouped = re.findall(r"\bby \((\w+)\)", query)
        assert set(grouped) <= set().union(*by_name.values()), query
    # What a dashboard could show and does not is named here.
    unasked = {"socklat_trace_bytes_total", "socklat_trace_elapsed_seconds"}
    unasked |= {"socklat_trace_stage_measured", "socklat_trace_window_seconds"}
    unasked |= {"socklat_trace_response_seconds_count", "socklat_trace_response_seconds_sum"}
    assert asked == by_name.keys() - unasked


def test_stages_that_the_dashboard_chooses_are_stages() -> None:
    chosen = {
        stage
        for query in queries()
        for stages in re.findall(r'stage=~?"([^"]*)"', query)
        for stage in stages.split("|")
    }
    assert chosen
    assert chosen <= set(names("STAGE_"))


def test_the_page_describes_every_family() -> None:
    page = (ROOT / "docs" / "howto" / "monitoring.md").read_text("utf-8")
    text = LiveMetrics(target(), busy()).render("")[0].decode()
    for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE):
        assert f"`{name}`" in page, name
