"""Results in pytest-benchmark's tables and storage, where that plugin is installed and enabled.

Each metric becomes a benchmark whose rounds are the runs of the image under test, in seconds, so
that ``pytest-benchmark compare`` shows it beside those of other days.  Peak memory is no time, and
no benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from socklat_gate.measured.names import unit_of
from socklat_gate.measured.result import GateResult, Result, RunResult
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import metric_value
from socklat_gate.report.report import Report
from socklat_gate.scenario.gating import Metric
from socklat_gate.wording.sentence import plain

__all__ = ["record"]

GROUP = "socklat"


@dataclass
class _Benchmark:
    """What pytest-benchmark's ``Metadata`` reads of its fixture."""

    name: str
    fullname: str
    extra_info: dict[str, Any]
    group: str = GROUP
    param: str | None = None
    params: dict[str, Any] | None = None
    cprofile_stats: None = None
    has_error: bool = field(default=False)


def record(
    config: pytest.Config, node: pytest.Item, report: Report, metrics: Iterable[Metric]
) -> None:
    """Adds the result to the session of pytest-benchmark; nothing happens without one."""
    session = getattr(config, "_benchmarksession", None)
    if session is None or session.disabled or session.skip:
        return
    # Only there with the plugin.
    from pytest_benchmark.stats import Metadata  # noqa: PLC0415

    for metric in metrics:
        if unit_of(metric.stage) != "ns":
            continue
        rounds_s = _rounds_s(_candidate_runs(report.result), metric)
        if not rounds_s:
            continue
        name = f"[{metric.name}]"
        shown = _Benchmark(node.name + name, node.nodeid + name, _extra_info(report, metric))
        entry: Any = Metadata(  # type: ignore[no-untyped-call]
            shown, iterations=1, options={"timer": "kernel"}
        )
        for round_s in rounds_s:
            entry.stats.update(round_s)
        session.benchmarks.append(entry)


def _candidate_runs(result: Result) -> Sequence[Run]:
    """Runs of the image under test."""
    if isinstance(result, GateResult):
        paired = [pair.candidate for pair in result.pairs if not pair.excluded]
        return paired or (result.campaign.runs if result.campaign else [])
    return result.campaign.runs


def _rounds_s(runs: Sequence[Run], metric: Metric) -> list[float]:
    values_ns = (metric_value(run, metric.stage, metric.quantile, metric.request) for run in runs)
    return [value / 1e9 for value in values_ns if math.isfinite(value)]


def _extra_info(report: Report, metric: Metric) -> dict[str, Any]:
    """Plain JSON: what was compared with what, and what came of it for this metric."""
    result = report.result
    info: dict[str, Any] = {
        "scenario": result.scenario_name,
        "candidate_image": result.candidate_image,
        "baseline_image": "" if isinstance(result, RunResult) else result.baseline_image,
        "commit": result.commit,
        "seed": result.seed,
        "summary": plain(report.head.headline),
    }
    if isinstance(result, RunResult):
        return info
    info["verdict"] = result.verdict.outcome.value
    judged = [found for found in result.verdict.metrics if found.name == metric.name]
    for found in judged:
        info["metric_verdict"] = found.verdict.value
        for name in ("change", "ci_low", "ci_high"):
            value = getattr(found, name)
            info[name] = value if math.isfinite(value) else None
    return info
