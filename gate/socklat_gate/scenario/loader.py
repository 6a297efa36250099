"""Reads a scenario from TOML; every error names the file, the line and the nearest key."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Scenario, Waiver
from socklat_gate.scenario.renamed import accept_old_keys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["load_scenario"]

Path_ = tuple[str | int, ...]

_REMEDY = "`socklat-gate schema` shows every key, its type and its bounds"


def load_scenario(path: Path, *, today: date | None = None) -> Scenario:
    """The scenario in ``path``: a socklat.toml, or a pyproject.toml's ``[tool.socklat-gate]``.

    ``today`` (UTC; None: the clock's) is held against the waivers.  Raises `UsageError`
    (NO_SUCH_FILE, BAD_SCENARIO, BAD_PAYLOAD, WAIVER_EXPIRED) with one line a problem.
    """
    scenario = _read(path)
    _check_expiry(path, scenario.waiver, today or datetime.now(timezone.utc).date())
    return scenario


def _check_expiry(path: Path, waivers: Iterable[Waiver], today: date) -> None:
    expired = [waiver for waiver in waivers if waiver.expires < today]
    if expired:
        raise UsageError(
            Reason.WAIVER_EXPIRED,
            "\n".join(
                f"{path}: the waiver of {waiver.metric} up to {waiver.ceiling:+.0%} expired on "
                f"{waiver.expires} ({waiver.link})"
                for waiver in expired
            ),
            remedy="remove it and what it covers, or agree on a later date and write it down there",
        )


def _read(path: Path) -> Scenario:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"the scenario {path} cannot be read: {_cause(error)}",
            remedy="give the path of a socklat.toml",
        ) from None
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            Reason.BAD_SCENARIO, f"{path} is not TOML: {error}", remedy=_REMEDY
        ) from None
    prefix: Path_ = ()
    if path.name == "pyproject.toml":
        prefix = ("tool", "socklat-gate")
        tool = data.get("tool")
        table = tool.get("socklat-gate") if isinstance(tool, dict) else None
        if not isinstance(table, dict):
            raise UsageError(
                Reason.BAD_SCENARIO,
                f"{path} has no table [tool.socklat-gate]",
                remedy="add it, or give the path of a socklat.toml",
            )
        data = table
    accept_old_keys(str(path), data)
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        found = error.errors()
        # A key that may hold one of several types has one problem for each of them.
        problems = dict.fromkeys(_explain(path, text, prefix, problem) for problem in found)
        payload = all(problem["loc"] == ("load", "payload") for problem in found)
        raise UsageError(
            Reason.BAD_PAYLOAD if payload else Reason.BAD_SCENARIO,
            "\n".join(problems),
            remedy=_REMEDY,
        ) from None


def _explain(path: Path, text: str, prefix: Path_, problem: Any) -> str:
    where: Path_ = tuple(part for part in problem["loc"] if not _is_union_branch(part))
    line = line_of(text, prefix + where)
    place = f"{path}:{line}" if line else str(path)
    key = ".".join(str(part) for part in where) or "the scenario"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{place}: unknown key {key!r}; {hint}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    message = (message[:1].lower() + message[1:]).removeprefix(f"{where[-1] if where else ''}: ")
    given = problem.get("input")
    shown = f" (given: {given!r:.60})" if isinstance(given, str | int | float | bool) else ""
    return f"{place}: {key}: {message}{shown}"


def _is_union_branch(part: str | int) -> bool:
    """Whether a part of pydantic's location names a type of a union rather than a key."""
    return isinstance(part, str) and (
        part in {"str", "int", "float"} or part.startswith(("list[", "literal["))
    )


def _known_keys(where: Path_) -> list[str]:
    model: Any = Scenario
    for part in where:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = _model_in(field.annotation) if field else None
        if model is None:
            return []
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found:
            return found
    return None


_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"^\s*([\w.\"'-]+)\s*=")


def line_of(text: str, where: Path_) -> int | None:
    """Number of the line that sets the key at ``where``, or of the closest table around it.

    A table is set by the first line that sets one of its keys, too.
    """
    names = [part for part in where if isinstance(part, str)]
    index = next((part for part in where if isinstance(part, int)), 0)
    best, best_depth = None, 0
    table: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header:
            table = _split(header.group(2))
            seen[header.group(2)] = seen.get(header.group(2), -1) + 1
            if header.group(1) and seen[header.group(2)] != index:
                table = []
                continue
            here = table
        elif key:
            here = table + _split(key.group(1))
        else:
            continue
        depth = min(len(here), len(names))
        if here[:depth] == names[:depth] and depth > best_depth:
            best, best_depth = number, depth
    return best


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _cause(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
