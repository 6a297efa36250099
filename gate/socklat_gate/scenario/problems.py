"""What is wrong with a scenario, as sentences: file, line, key, and the nearest known one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_origin

from pydantic import BaseModel

from socklat_gate.scenario.located import LOCATED
from socklat_gate.scenario.model import Scenario
from socklat_gate.scenario.tables import KeyPath, Tables

__all__ = ["explain", "line_of", "place_of"]

_OR_AUTO = {
    ("load", "rate", "number"),
    ("load", "workers", "number"),
    ("gate", "watch", "replicas", "number"),
}
"""Where pydantic has chosen the number's branch of a union that has "auto", too."""

_TABLES = ("model_type", "model_attributes_type", "dict_type")
"""Pydantic's words for these name a class of Python's."""


def explain(tables: Tables, problem: Any) -> str:
    """One of the problems that pydantic has with the tables, in a line."""
    where: KeyPath = tuple(part for part in problem["loc"] if not _is_union_branch(part))
    if problem["type"] == LOCATED:
        where += problem["ctx"]["where"]
    place = place_of(tables, where)
    key = ".".join(str(part) for part in where) or "the scenario"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(where[:-1])
        near = _in_tables(where[:-1], str(where[-1])) or difflib.get_close_matches(
            str(where[-1]), known, n=1, cutoff=0.5
        )
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{place}: unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"{place}: {key} is missing: {_description(where)}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] in _TABLES:
        message = "input should be a table"
    message = (message[:1].lower() + message[1:]).removeprefix(f"{where[-1] if where else ''}: ")
    if problem["loc"] in _OR_AUTO and "_than" not in problem["type"]:
        message += ', or "auto"'
    given = problem.get("input")
    shown = f" (given: {given!r:.60})" if isinstance(given, str | int | float | bool) else ""
    return f"{place}: {key}: {message}{shown}"


def place_of(tables: Tables, where: KeyPath) -> str:
    """File and line of the key at ``where``."""
    line = line_of(tables.text, tables.prefix + where)
    return f"{tables.where}:{line}" if line else tables.where


def _is_union_branch(part: str | int) -> bool:
    """Whether a part of pydantic's location names a type of a union rather than a key."""
    return isinstance(part, str) and (
        part in {"str", "int", "float", "SecretRef", "Build", "number", "steps", "auto"}
        or part.startswith(("list[", "literal["))
    )


def _known_keys(where: KeyPath) -> list[str]:
    model = _model_at(where)
    return sorted(model.model_fields) if model else []


def _in_tables(where: KeyPath, name: str) -> list[str]:
    """The key of that very name in a table below, with the table's: written one level too high."""
    model = _model_at(where)
    tables = {
        table: _model_in(field.annotation)
        for table, field in (model.model_fields.items() if model else ())
        if not _is_free(field.annotation)
    }
    return [f"{table}.{name}" for table, one in tables.items() if one and name in one.model_fields]


def _description(where: KeyPath) -> str:
    model, name = _model_at(where[:-1]), str(where[-1])
    field = model.model_fields.get(name) if model else None
    return field.description if field and field.description else "it has no default"


def _model_at(where: KeyPath) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Scenario
    free = False
    for part in where:
        if isinstance(part, int) or free:
            free = False  # a key that the scenario makes up, such as a header's name
            continue
        field = model.model_fields.get(part) if model else None
        model = _model_in(field.annotation) if field else None
        free = field is not None and _is_free(field.annotation)
    return model


def _is_free(annotation: Any) -> bool:
    """Whether the scenario makes up the keys of such a table."""
    return get_origin(annotation) is dict


def _model_in(annotation: Any) -> type[BaseModel] | None:
    # Python 3.10 takes list[X] for a type, too.
    generic = get_origin(annotation) is not None
    if not generic and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found:
            return found
    return None


_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"^\s*([\w.\"'-]+)\s*=")


def line_of(text: str, where: KeyPath) -> int | None:
    """Number of the line that sets the key at ``where``, or of the closest table around it.

    A table is set by the first line that sets one of its keys, too.
    """
    names = [part for part in where if isinstance(part, str)]
    # Table -> which of several of that name is meant.
    indices = {
        tuple(part for part in where[:at] if isinstance(part, str)): index
        for at, index in enumerate(where)
        if isinstance(index, int)
    }
    best, best_depth = None, 0
    table: list[str] | None = []
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header:
            table = _split(header.group(2))
            if header.group(1):
                seen[tuple(table)] = seen.get(tuple(table), -1) + 1
            if _is_another(table, seen, indices):
                table = None
        if table is None or not (header or key):
            continue
        here = table + (_split(key.group(1)) if key and not header else [])
        depth = min(len(here), len(names))
        if here[:depth] == names[:depth] and depth > best_depth:
            best, best_depth = number, depth
    return best


def _is_another(
    table: list[str], seen: Mapping[tuple[str, ...], int], indices: Mapping[tuple[str, ...], int]
) -> bool:
    """Whether ``table`` is, or is in, another of several tables than the one that is meant."""
    prefixes = (tuple(table[:depth]) for depth in range(1, len(table) + 1))
    return any(
        prefix in seen and prefix in indices and seen[prefix] != indices[prefix]
        for prefix in prefixes
    )


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
