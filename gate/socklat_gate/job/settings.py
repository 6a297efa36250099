"""What a job takes when its caller leaves something out, or sets a limit of the scenario anew."""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Gate, Scenario
from socklat_gate.scenario.watch import check_watch, with_watch_in_time

__all__ = ["baselines_at", "seed_or_random", "with_limits"]


def baselines_at(given: str | None, scenario_path: Path) -> str:
    """Where baselines are: the location given, else ``baselines`` beside the scenario."""
    return given if given is not None else str(scenario_path.resolve().parent / "baselines")


def seed_or_random(seed: int | None) -> int:
    """The seed given, else a fresh one; either way it is recorded in the result."""
    return secrets.randbits(48) if seed is None else seed


def with_limits(scenario: Scenario, **limits: float | None) -> Scenario:
    """The scenario with those limits of ``[gate]`` that the command line sets.

    Raises `UsageError` (BAD_ARGUMENT) for a limit that a scenario could not have either.
    """
    changes = {name: value for name, value in limits.items() if value is not None}
    try:
        changed = Gate.model_validate({**scenario.gate.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors()[0]
        option = "--" + str(problem["loc"][0]).replace("_", "-")
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{option} {problem['input']}: {problem['msg'].lower()}",
            remedy="leave it out to use the scenario's",
        ) from None
    changed = with_watch_in_time(changed, scenario.gate.watch)
    limited = scenario.model_copy(update={"gate": changed})
    if "max_minutes" in changes:
        try:
            check_watch(limited)
        except ValueError as error:
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"--max-minutes {changes['max_minutes']:g}: {error}",
                remedy="give the job more time, or set gate.watch = { minutes = 0 } in the "
                "scenario for a quick gate",
            ) from None
    return limited
