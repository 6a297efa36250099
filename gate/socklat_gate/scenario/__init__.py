"""The scenario: what to start, how to load it, what to judge.  Models only.

`scenario.loader.load_scenario` reads one from TOML.  All models are frozen; unknown keys are
errors.  ``model_json_schema()`` of `Scenario` is what ``socklat-gate schema`` prints.
"""

from __future__ import annotations

from socklat_gate.scenario.gating import (
    MIN_EXCEEDING,
    WANTED_EXCEEDING,
    Gate,
    Judged,
    Metric,
    Spikes,
    Stage,
    Waiver,
    default_metrics,
)
from socklat_gate.scenario.load import Command, Load
from socklat_gate.scenario.model import BaselineSource, Probe, Scenario
from socklat_gate.scenario.service import Ready, Service

__all__ = [
    "MIN_EXCEEDING",
    "WANTED_EXCEEDING",
    "BaselineSource",
    "Command",
    "Gate",
    "Judged",
    "Load",
    "Metric",
    "Probe",
    "Ready",
    "Scenario",
    "Service",
    "Spikes",
    "Stage",
    "Waiver",
    "default_metrics",
]
