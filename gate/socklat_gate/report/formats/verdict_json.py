"""``verdict.json``: the outcome for machines, flat, small and stable.

Strict JSON: a number that is not known or not bounded is null.  The whole measurement is in
``result.json``, whose body is `documents.codec.to_body`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from socklat_gate.errors import Exit
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.names import unit_of
from socklat_gate.measured.result import Comparison, Completeness, GateResult, Result, RunResult
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, SpikeVerdict
from socklat_gate.report.answers import answers_by_arm
from socklat_gate.report.arm_runs import shown_runs
from socklat_gate.report.container_rows import ContainerNumbers, container_numbers
from socklat_gate.report.formats.verdict_capacity import capacity_members
from socklat_gate.report.formats.verdict_requests import request_members
from socklat_gate.report.formats.verdict_watch import watch_members
from socklat_gate.report.machine import machine_numbers
from socklat_gate.report.raw_numbers import correction_of
from socklat_gate.report.report import Report
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.machine_facts import environment_texts
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.reasons import coded_reasons
from socklat_gate.wording.spike_text import power_text

__all__ = ["VERDICT_SCHEMA_VERSION", "in_bytes", "render", "verdict_document"]

VERDICT_SCHEMA_VERSION = 2

JSON = dict[str, Any]

RAW = ("baseline_ns", "candidate_ns", "change")
LEFT_OUT = ("trace", "shortfalls")
"""Of a metric, what only ``result.json`` has."""
VALUES = ("baseline_ns", "candidate_ns")
LIMIT_VALUES = ("limit_ns", "candidate_ns", "ci_low_ns", "ci_high_ns")
"""What is in a metric's own unit: null where that is bytes, and under a name of its own."""


def render(report: Report) -> str:
    """The whole file; the numbers are the result's, nothing in it is rounded."""
    return json.dumps(verdict_document(report.result), indent=2, allow_nan=False) + "\n"


def verdict_document(result: Result) -> JSON:
    """Content of ``verdict.json``; a run without verdict has verdict null and exit code 0."""
    if isinstance(result, RunResult):
        return _without_verdict(result)
    document = _without_verdict(result) | _verdict_members(result)
    return document | _pair_members(result) if isinstance(result, GateResult) else document


def _without_verdict(result: Result) -> JSON:
    """Every member in its order, those of verdict and pairs empty."""
    runs = shown_runs(result)
    correction = correction_of(runs)
    return {
        "schema_version": VERDICT_SCHEMA_VERSION,
        "mde": {},
        "verdict": None,
        "exit_code": int(Exit.PASS),
        "reasons": [],
        "kind": result.kind,
        "scenario": result.scenario_name,
        "baseline_image": "",
        "candidate_image": result.candidate_image,
        "commit": result.commit,
        "created": result.created,
        "seed": result.seed,
        "pairs": 0,
        "pairs_to_decide": None,
        "duration_s": _strict(result.duration_s),
        "metrics": [],
        "limits": [],
        "capacity": None,
        "spikes": None,
        "stops": None,
        "growth": [],
        "counts": [],
        "attribution": [],
        "answers": [_answers(arm, one) for arm, one in answers_by_arm(runs.arms).items()],
        **request_members(runs.arms),
        "container_metrics": [_of_container(one) for one in container_numbers(runs)],
        "completeness": _completeness(result.completeness) if result.completeness else None,
        "environment": environment_texts(result.environment),
        "machine": machine_numbers(runs.noises),
        "correction": _strict(asdict(correction)) if correction else None,
        "interleave": None,
        "starts": None,
        "containers": 1,
        "drift": "",
        "calibration": "",
        "branch": result.branch,
        "baseline_commit": "",
        "baseline_choice": "",
        "notes": [],
    }


def _verdict_members(result: GateResult | Comparison) -> JSON:
    verdict = result.verdict
    return {
        "mde": {metric.name: _strict(metric.mde) for metric in verdict.metrics},
        "verdict": verdict.outcome.value,
        "exit_code": int(verdict.outcome.exit_code),
        "reasons": [{"code": code, "text": text} for code, text in coded_reasons(verdict)],
        "baseline_image": result.baseline_image,
        "pairs": verdict.pairs,
        "pairs_to_decide": verdict.pairs_to_decide,
        "containers": verdict.containers,
        "metrics": [_metric(metric) for metric in verdict.metrics],
        "limits": [_limit(limit) for limit in verdict.limits],
        "capacity": _strict(capacity_members(verdict.capacity)) if verdict.capacity else None,
        "spikes": _spikes(verdict.spikes) if verdict.spikes else None,
        **_strict(watch_members(verdict)),
        "counts": [_strict(asdict(count)) for count in verdict.counts],
        "attribution": [_strict(asdict(part)) for part in verdict.attribution],
        "baseline_commit": result.baseline_commit,
        "baseline_choice": note_text(result.baseline_choice),
        "notes": [note_text(note) for note in result.notes],
    }


def _pair_members(result: GateResult) -> JSON:
    return {
        "interleave": result.pairs[0].interleave if result.pairs else None,
        "starts": len({pair.start for pair in result.pairs if pair.start is not None}) or None,
        "drift": drift_text(result.drift),
        "calibration": note_text(result.calibration),
    }


def _metric(metric: MetricVerdict) -> JSON:
    """The judged numbers, and those of all exchanges with nothing corrected under ``raw``."""
    numbers: JSON = _strict(asdict(metric))
    raw = {name: numbers.pop(f"raw_{name}") for name in RAW}
    return {**_in_unit(_without(numbers), VALUES), "raw": raw}


def _limit(limit: LimitVerdict) -> JSON:
    return _in_unit(_without(asdict(limit)), LIMIT_VALUES)


def _in_unit(numbers: JSON, values: Sequence[str]) -> JSON:
    """With the ``unit``, and ``values`` in bytes by names that say so."""
    unit = unit_of(numbers["stage"])
    found = {**numbers, "unit": unit}
    if unit == "bytes":
        for name in values:
            found[in_bytes(name)], found[name] = numbers[name], None
    return found


def in_bytes(name: str) -> str:
    """``baseline_ns`` is ``baseline_bytes`` then."""
    return f"{name.removesuffix('_ns')}_bytes"


def _without(numbers: JSON) -> JSON:
    """The same without what only ``result.json`` has."""
    kept: JSON = _strict({name: value for name, value in numbers.items() if name not in LEFT_OUT})
    return kept


def _spikes(spikes: SpikeVerdict) -> JSON:
    numbers: JSON = _strict(asdict(spikes))
    rates = {
        "baseline_per_s": _rate(spikes.baseline_events, spikes.baseline_exposure_s),
        "candidate_per_s": _rate(spikes.candidate_events, spikes.candidate_exposure_s),
        "stored_per_s": _rate(spikes.stored_events, spikes.stored_exposure_s),
    }
    notes = [note_text(note) for note in spikes.notes]
    return {**numbers, **rates, "notes": notes, "power": power_text(spikes)}


def _rate(events: int, exposure_s: float) -> float | None:
    return events / exposure_s if exposure_s > 0 else None


def _answers(arm: str, answers: Answers) -> JSON:
    """What came back to one arm, over its runs in use; sizes are null where none is known."""
    p50, p99, largest = answers.sizes.quantiles_ns([0.5, 0.99, 1.0])
    return {
        "arm": arm,
        "source": answers.source,
        "statuses": dict(answers.statuses),
        "errors": dict(answers.errors),
        "size_p50_bytes": _strict(p50),
        "size_p99_bytes": _strict(p99),
        "size_max_bytes": _strict(largest),
        "connections_opened": answers.opened,
        "connections_lost": answers.lost,
        "tls": dict(answers.tls),
    }


def _of_container(one: ContainerNumbers) -> JSON:
    """Medians by arm, under the name of their unit."""
    unit = unit_of(one.stage)
    arms = {arm: {unit: _strict(value)} for arm, value in one.arms}
    return {"name": one.name, "unit": unit, "arms": arms, "change": _strict(one.change)}


def _completeness(done: Completeness) -> JSON:
    numbers: JSON = _strict(asdict(done))
    return {**numbers, "balanced": done.balanced}


def _strict(value: Any) -> Any:
    """The same with null for NaN and infinity, and enumerations by their value."""
    if isinstance(value, dict):
        return {name: _strict(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
