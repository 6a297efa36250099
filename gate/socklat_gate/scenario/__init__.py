"""The scenario: what to start, how to load it, what to judge.  Models only.

`scenario.loader.load_scenario` reads one from TOML.  All models are frozen; unknown keys are
errors.  ``model_json_schema()`` of `Scenario` is what ``socklat-gate schema`` prints.

Each name is imported when it is first used: a comparison needs no model but the gate's, the load
worker none but the load's, and pydantic takes a while to build each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socklat_gate.scenario.command import Command
    from socklat_gate.scenario.expect import Expect
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
    from socklat_gate.scenario.load import Load
    from socklat_gate.scenario.model import BaselineSource, Probe, Scenario
    from socklat_gate.scenario.service import Ready, Service

__all__ = [
    "MIN_EXCEEDING",
    "WANTED_EXCEEDING",
    "BaselineSource",
    "Command",
    "Expect",
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

_MODULES = {
    "Command": "command",
    "Load": "load",
    "Expect": "expect",
    **dict.fromkeys(("BaselineSource", "Probe", "Scenario"), "model"),
    **dict.fromkeys(("Ready", "Service"), "service"),
}
"""Name -> the module of this package that has it; the others are in ``gating``."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'gating')}")
    found = globals()[name] = getattr(module, name)
    return found
