"""Variables that change what is started, and that sudo has taken away on the way here."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from socklat_gate.job.pull_request import variables_around
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.variables import named_variables

__all__ = ["dropped_variables"]

BY_SUDO = "SUDO_UID"
OF_DOCKER = (
    *("DOCKER_BUILDKIT", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_DEFAULT_PLATFORM"),
    "DOCKER_HOST",
)
OF_COMPOSE = ("COMPOSE_ENV_FILES", "COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME")
TOKENS = {"GITHUB_TOKEN", "GH_TOKEN"}
"""Which no gate gets: the action has said so by then."""


def dropped_variables(
    path: Path,
    scenario: Scenario,
    environment: Mapping[str, str] = os.environ,
    around: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Their names: those that scenario and compose files name, and those that Docker goes by.

    None without sudo: whoever removes a variable by hand means it.  ``around`` are the variables of
    the processes around this one, where they are not to be looked up.
    """
    if BY_SUDO not in environment:
        return ()
    named: Collection[str] = {one.name for one in named_variables(path, environment)}
    wanted = {*named, *OF_DOCKER, *(OF_COMPOSE if scenario.service.compose else ())} - TOKENS
    missing = sorted(name for name in wanted if name not in environment)
    there = variables_around() if around is None else around
    return tuple(name for name in missing if there.get(name))
