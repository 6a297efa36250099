"""Scenarios that decide within seconds, and the images they start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["DELAY_TAG", "ECHO_TAG", "HTTP_TAG", "scenario_toml", "waived", "write_scenario"]

DELAY_TAG = "socklat-test/e2e-delay:latest"
ECHO_TAG = "socklat-test/e2e-echo:latest"
HTTP_TAG = "socklat-test/e2e-http:latest"

Tables = Mapping[str, Mapping[str, Any]]


def write_scenario(path: Path, tables: Tables | None = None) -> Path:
    """A scenario that fails in 2 pairs of half a second and passes in 4, without a watch.

    ``tables`` adds keys or replaces them; a value of None leaves a key out.  The service waits 3 ms
    before it responds, so that a few percent are far above the noise.
    """
    document: dict[str, dict[str, Any]] = {
        "service": {
            "image": DELAY_TAG,
            "port": 7000,
            "command": ["/delay", "--before-response", "3000"],
        },
        "load": {
            "rate": 400,
            "connections": 16,
            "duration_s": 0.5,
            "warmup_s": 0.1,
            "payload": "0123456789abcdef",
            "response": 16,
            # Other tests take the CPUs away, and so may the machine: what they spoil is repeated.
            "max_lag_ms": 1000.0,
            "max_late_ms": 1000.0,
        },
        "gate": {
            "max_steal": 1.0,
            "alpha": 0.4,
            "alpha_pass": 0.1,
            "max_pairs": 12,
            "max_minutes": 2.0,
            "max_excluded_pairs": 20,
            "watch": {"minutes": 0},
        },
    }
    for table, keys in (tables or {}).items():
        document.setdefault(table, {}).update(keys)
    # Where the CPUs are taken away a run goes on, which is shorter than another pair.
    load = document["load"]
    load.setdefault("max_duration_s", max(10.0, 2 * load["duration_s"]))
    path.write_text(scenario_toml("delay", document), encoding="utf-8")
    return path


def scenario_toml(name: str, document: Tables) -> str:
    """A scenario of that name with these tables, without keys that are None, judged by its p50."""
    lines = [f'name = "{name}"']
    for table, keys in document.items():
        lines += [f"[{table}]"]
        lines += [f"{key} = {_toml(v)}" for key, v in keys.items() if v is not None]
    lines += ["[[gate.metrics]]", "quantile = 0.5", "tolerance = 0.1", "regression_threshold = 0.3"]
    return "\n".join(lines) + "\n"


def waived(path: Path, ceiling: float, expires: str, baseline: str) -> Path:
    """The scenario at ``path`` with a waiver of its metric added, given for that baseline."""
    text = path.read_text("utf-8") + "\n[[waiver]]\n"
    text += f'metric = "response_p50"\nceiling = {ceiling}\nexpires = {expires}\n'
    text += f'link = "https://tracker.example/42"\nbaseline = "{baseline}"\n'
    path.write_text(text, encoding="utf-8")
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
