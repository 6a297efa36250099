"""What a verdict of a scenario does not speak for, whatever comes out of the measurement."""

from __future__ import annotations

from dataclasses import replace

from socklat_gate.job.stream_notes import not_by_kernel
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import SPIKES
from socklat_gate.scenario import Gate, Scenario
from socklat_gate.scenario.default_gate import DefaultGate
from socklat_gate.scenario.named_gate import default_gate_of
from socklat_gate.scenario.named_requests import names_of
from socklat_gate.scenario.whole_stage import whole_stage

__all__ = ["scenario_notes"]


def scenario_notes(scenario: Scenario) -> tuple[Note, ...]:
    """Requests that only stand in for real ones, and what is gated by default but not here."""
    notes = []
    if scenario.load.stand_in:
        notes.append(Note(NoteCode.STAND_IN, scenario.load.asked))
    whole = whole_stage(scenario.load)
    left_out = _left_out(scenario.gate, default_gate_of({}, whole))
    if left_out:
        notes.append(Note(NoteCode.DEFAULTS_LEFT_OUT, ", ".join(left_out)))
    if by_name := _requests_left_out(scenario):
        notes.append(Note(NoteCode.REQUESTS_LEFT_OUT, ", ".join(by_name)))
    if scenario.load.streams > 1:
        notes.append(not_by_kernel(scenario.load.streams))
    return tuple(notes)


def _requests_left_out(scenario: Scenario) -> list[str]:
    """``cart p90 p99``: default quantiles of named requests that are not gated."""
    gated = {metric.name for metric in scenario.gate.metrics}
    by_default = default_gate_of({}, whole_stage(scenario.load)).metrics
    found = []
    for request in names_of(scenario.load):
        metrics = [replace(m, request=request) for m in by_default if m.quantile]
        missing = [f"p{100 * m.quantile:g}" for m in metrics if m.quantile and m.name not in gated]
        if missing:
            found.append(" ".join((request, *missing)))
    return found


def _left_out(gate: Gate, by_default: DefaultGate) -> list[str]:
    gated = {metric.name for metric in gate.metrics}
    names = [metric.name for metric in by_default.metrics if metric.name not in gated]
    names += [name for name in by_default.counted if name not in gate.counted]
    return names if gate.spikes.enabled else [*names, SPIKES]
