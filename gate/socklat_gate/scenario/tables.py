"""A scenario's file as TOML, before it is checked."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario.renamed import accept_old_keys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["REMEDY", "KeyPath", "Tables", "read_tables", "table_in", "tables_of", "tomllib"]

KeyPath = tuple[str | int, ...]

REMEDY = "`socklat-gate schema` shows every key, its type and its bounds"


@dataclass(frozen=True, slots=True)
class Tables:
    """A scenario's file as TOML: ``prefix`` is where in it the ``data`` of the scenario begins.

    ``directory`` is where relative paths of files that it names start (None: the current one).
    """

    where: str
    text: str
    data: dict[str, Any]
    prefix: KeyPath = ()
    directory: Path | None = None


def read_tables(path: Path) -> Tables:
    """Raises `UsageError`: NO_SUCH_FILE, BAD_SCENARIO."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"the scenario {path} cannot be read: {error.strerror or error}",
            remedy="give the path of a socklat.toml",
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"{path}:{line}: not UTF-8 ({error.reason})",
            remedy="save the file as UTF-8, which TOML asks for",
        ) from None
    return replace(tables_of(str(path), path.name, text), directory=path.resolve().parent)


def tables_of(where: str, name: str, text: str) -> Tables:
    """The tables of a file of that name, which messages call ``where``.

    Raises `UsageError` (BAD_SCENARIO).
    """
    text = text.removeprefix("\ufeff")  # as some editors begin a file
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            Reason.BAD_SCENARIO, f"{where} is not TOML: {error}", remedy=REMEDY
        ) from None
    prefix: KeyPath = ()
    if name == "pyproject.toml":
        prefix = ("tool", "socklat-gate")
        table = table_in(name, data)
        if table is None:
            raise UsageError(
                Reason.BAD_SCENARIO,
                f"{where} has no table [tool.socklat-gate]",
                remedy="add it, or give the path of a socklat.toml",
            )
        data = table
    accept_old_keys(where, data)
    return Tables(where, text, data, prefix)


def table_in(name: str, data: dict[str, Any]) -> dict[str, Any] | None:
    """The scenario's table in a file of that name; None for a pyproject.toml that has none."""
    if name != "pyproject.toml":
        return data
    tool = data.get("tool")
    table = tool.get("socklat-gate") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None
