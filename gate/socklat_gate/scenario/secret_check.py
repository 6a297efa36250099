"""Whether all secrets of a scenario are there, before anything is started."""

from __future__ import annotations

import re
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario.mix import NO_HEADER
from socklat_gate.scenario.model import Scenario
from socklat_gate.scenario.problems import line_of
from socklat_gate.scenario.secret import REMEDY, SecretRef, UnusableSecret, secrets_in
from socklat_gate.scenario.tables import KeyPath, read_tables

__all__ = ["require_secrets"]


def require_secrets(path: Path, scenario: Scenario) -> None:
    """Register the values of all secrets to be masked; ``path`` is the scenario's file.

    Only who is about to measure needs them: reports and comparisons do without.  Raises
    `UsageError` (BAD_SECRET) with a line a problem: file, line, key and the secret's name.
    """
    problems = [
        (place, problem)
        for place, secret in secrets_in(scenario)
        if (problem := _problem(place, secret))
    ]
    if not problems:
        return
    tables = read_tables(path)
    lines = []
    for place, problem in problems:
        line = line_of(tables.text, tables.prefix + place)
        key = ".".join(map(str, place))
        lines.append(f"{path}{f':{line}' if line else ''}: {key}: {problem}")
    raise UsageError(Reason.BAD_SECRET, "\n".join(lines), remedy=REMEDY)


def _problem(place: KeyPath, secret: SecretRef) -> str:
    try:
        value = secret.read()
    except UnusableSecret as error:
        return str(error)
    if {"headers", "variables"} & set(place) and re.search(NO_HEADER, value):
        return f"{secret.place} has a line break, which no header can have"
    return ""
