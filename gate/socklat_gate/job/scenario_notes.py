"""What a verdict of a scenario does not speak for, whatever comes out of the measurement."""

from __future__ import annotations

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import SPIKES
from socklat_gate.scenario import Gate, Scenario
from socklat_gate.scenario.default_gate import DEFAULT_GATE

__all__ = ["scenario_notes"]


def scenario_notes(scenario: Scenario) -> tuple[Note, ...]:
    """Requests that only stand in for real ones, and what is gated by default but not here."""
    notes = []
    if scenario.load.stand_in:
        notes.append(Note(NoteCode.STAND_IN, scenario.load.asked))
    left_out = _left_out(scenario.gate)
    if left_out:
        notes.append(Note(NoteCode.DEFAULTS_LEFT_OUT, ", ".join(left_out)))
    return tuple(notes)


def _left_out(gate: Gate) -> list[str]:
    gated = {metric.name for metric in gate.metrics}
    names = [metric.name for metric in DEFAULT_GATE.metrics if metric.name not in gated]
    names += [name for name in DEFAULT_GATE.counted if name not in gate.counted]
    return names if gate.spikes.enabled else [*names, SPIKES]
