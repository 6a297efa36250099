"""Whether the workflow lets a pull request do what its scenario asks of the machine.

A scenario is as good as root on the machine that measures it.  A pull request brings its own, so
there commands and mounts of the host and the like need the workflow's word.  On a laptop, and for
what was merged, nobody is asked.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import git
from socklat_gate.job.pull_request import is_pull_request, variables_around
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.powers import Asked, Power, asked_by_scenario
from socklat_gate.scenario.problems import place_of
from socklat_gate.scenario.tables import read_tables
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.stack_powers import asked_by_stack
from socklat_gate.service.stack_reading import read_enabled
from socklat_gate.service.stack_sources import asked_by_sources

__all__ = ["ALLOW", "powers_in", "require_allowed"]

ALLOW = "SOCKLAT_ALLOW"
"""The variable that says the same as ``--allow``."""

MOST_SHOWN = 20


def powers_in(text: str) -> frozenset[Power]:
    """The words in a list with commas or blanks.  Raises `UsageError` (BAD_ARGUMENT)."""
    known = [one.value for one in Power]
    words = [word for word in re.split(r"[\s,]+", text) if word]
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"--allow {word!r} is no power of a scenario; {hint}",
                remedy="docs/howto/github.md says what each word stands for",
            )
    return frozenset(map(Power, words))


def require_allowed(
    path: Path,
    scenario: Scenario,
    allowed: Collection[Power] | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Raises `UsageError` (NOT_ALLOWED) with a line for each key, in a pull request's job.

    ``allowed`` are the workflow's words (None: those of the environment), ``path`` is the
    scenario's file.
    """
    variables = variables_around() if environment is None else environment
    if not is_pull_request(variables):
        return
    if allowed is None:
        allowed = powers_in(variables.get(ALLOW, ""))
    found = {
        f"{place} ({asked.power.value})": asked.power
        for place, asked in _asked(path, scenario, allowed)
        if asked.power not in allowed
    }
    if not found:
        return
    lines = list(found)[:MOST_SHOWN]
    if more := len(found) - len(lines):
        lines.append(f"... and {more} more")
    missing = sorted({power.value for power in found.values()} | {one.value for one in allowed})
    raise UsageError(
        Reason.NOT_ALLOWED,
        "this is a pull request, and its scenario reaches beyond its containers, which the "
        "workflow does not allow:\n" + "\n".join(lines),
        remedy="if whoever can open a pull request may have this on the runner, let the workflow "
        f"say so: `allow: {' '.join(missing)}` of the action, `--allow {','.join(missing)}` of the "
        "command",
    )


def _asked(
    path: Path, scenario: Scenario, allowed: Collection[Power]
) -> Iterator[tuple[str, Asked]]:
    """Each with its place in a message: file, line, key and what is there."""
    directory = path.resolve().parent
    checkout = _checkout(directory)
    tables = read_tables(path)
    for asked in asked_by_scenario(scenario, directory, checkout):
        key = ".".join(map(str, asked.where))
        yield f"{place_of(tables, asked.where)}: {key} {asked.what}", asked
    if scenario.service.compose is None or scenario.service.service is None:
        return
    files = stack_files(scenario.service.compose, directory)
    where = ", ".join(map(str, files))
    by_sources = list(asked_by_sources(files, checkout))
    # compose shows lines of what it cannot read: it is given no file that it may not read.
    unread = any(asked.power not in allowed for asked in by_sources)
    stack = {} if unread else read_enabled(files, scenario.service.service).document
    for asked in (*by_sources, *asked_by_stack(stack, checkout)):
        yield f"{where}: {'.'.join(map(str, asked.where))} {asked.what}", asked


def _checkout(directory: Path) -> Path:
    """The work tree that a scenario is in; without one its own directory."""
    found = git(directory, "rev-parse", "--show-toplevel")
    return Path(found.text) if found.ok and found.text else directory
