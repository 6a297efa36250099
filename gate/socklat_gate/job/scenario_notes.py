"""What a verdict of a scenario does not speak for, whatever comes out of the measurement."""

from __future__ import annotations

from dataclasses import replace

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import SPIKES
from socklat_gate.scenario import Gate, Scenario
from socklat_gate.scenario.default_gate import DEFAULT_GATE
from socklat_gate.scenario.named_requests import names_of

__all__ = ["scenario_notes"]


def scenario_notes(scenario: Scenario) -> tuple[Note, ...]:
    """Requests that only stand in for real ones, and what is gated by default but not here."""
    notes = []
    if scenario.load.stand_in:
        notes.append(Note(NoteCode.STAND_IN, scenario.load.asked))
    left_out = _left_out(scenario.gate)
    if left_out:
        notes.append(Note(NoteCode.DEFAULTS_LEFT_OUT, ", ".join(left_out)))
    if by_name := _requests_left_out(scenario):
        notes.append(Note(NoteCode.REQUESTS_LEFT_OUT, ", ".join(by_name)))
    return tuple(notes)


def _requests_left_out(scenario: Scenario) -> list[str]:
    """``cart p90 p99``: default quantiles of named requests that are not gated."""
    gated = {metric.name for metric in scenario.gate.metrics}
    found = []
    for request in names_of(scenario.load):
        metrics = [replace(m, request=request) for m in DEFAULT_GATE.metrics if m.quantile]
        missing = [f"p{100 * m.quantile:g}" for m in metrics if m.quantile and m.name not in gated]
        if missing:
            found.append(" ".join((request, *missing)))
    return found


def _left_out(gate: Gate) -> list[str]:
    gated = {metric.name for metric in gate.metrics}
    names = [metric.name for metric in DEFAULT_GATE.metrics if metric.name not in gated]
    names += [name for name in DEFAULT_GATE.counted if name not in gate.counted]
    return names if gate.spikes.enabled else [*names, SPIKES]
