"""What a command means that is given a scenario, by its file or only by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = ["ScenarioChoice", "branch_option", "chosen_scenario"]

branch_option = click.option(
    "--branch",
    metavar="NAME",
    default="",
    help="Campaigns of this branch only [that of the newest one].",
)


@dataclass(frozen=True, slots=True)
class ScenarioChoice:
    """A scenario's name, its metrics, and the hash of its load ("": whichever is the newest).

    ``former_hashes`` are what older documents may have in its place.
    """

    name: str
    metrics: Sequence[Metric]
    measured_hash: str = ""
    former_hashes: tuple[str, ...] = ()


def chosen_scenario(scenario: str) -> ScenarioChoice | None:
    """The scenario in a TOML file, or the one of that name with the default metrics.

    None when ``scenario`` is neither.  Raises `UsageError` as `load_scenario` does.
    """
    from socklat_gate.baseline.places.place import SCENARIO_NAME
    from socklat_gate.scenario.gating import default_metrics

    if scenario.endswith(".toml"):
        from socklat_gate.scenario.loader import load_scenario

        planned = load_scenario(Path(scenario))
        return ScenarioChoice(
            planned.name,
            planned.gate.of_runs or default_metrics(),
            planned.measured_hash(),
            planned.former_hashes(),
        )
    if SCENARIO_NAME.fullmatch(scenario) and not scenario.endswith(".json"):
        return ScenarioChoice(scenario, default_metrics())
    return None
