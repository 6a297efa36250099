"""The name of a scenario that cannot be read: comment and check arrive under it all the same."""

from __future__ import annotations

import re
from pathlib import Path

from socklat_gate.errors import GateError
from socklat_gate.job.bytes_at import bytes_at
from socklat_gate.job.lineage import commit_of
from socklat_gate.scenario.tables import table_in, tomllib

__all__ = ["scenario_name"]

MAX_BYTES = 1 << 20
MAX_NAME = 200
LINE = re.compile(r"""^[ \t]*name[ \t]*=[ \t]*(?:"([^"\\\n]*)"|'([^'\n]*)')""", re.MULTILINE)
TABLE = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*socklat-gate[ \t]*\][^\n]*$", re.MULTILINE)


def scenario_name(path: Path, base: str = "") -> str:
    """The name in the file as far as it can be made out; empty when nothing can.

    ``base`` is the branch or commit that the change goes to: where the file here has no name, for
    it is damaged or gone, the one there counts.
    """
    return _name(path.name, _text(path)) or _name_at(path, base)


def _name_at(path: Path, base: str) -> str:
    if not base:
        return ""
    try:
        directory = path.parent if path.parent.is_dir() else Path()
        found = bytes_at(path, commit_of(directory, base, of_origin=True))
    except (GateError, OSError, ValueError):
        return ""
    return _name(path.name, (found or b"")[:MAX_BYTES].decode("utf-8", "replace"))


def _name(file: str, text: str) -> str:
    try:
        name = (table_in(file, tomllib.loads(text)) or {}).get("name")
    except (tomllib.TOMLDecodeError, RecursionError):
        name = _in_damaged(file, text)
    return name if isinstance(name, str) and 0 < len(name) <= MAX_NAME else ""


def _in_damaged(file: str, text: str) -> str:
    """The first line that looks like it, before any table of a scenario."""
    start = 0
    if file == "pyproject.toml":
        table = TABLE.search(text)
        if table is None:
            return ""
        start = table.end()
    own = text[start:]
    end = re.search(r"^[ \t]*\[", own, re.MULTILINE)
    found = LINE.search(own[: end.start()] if end else own)
    return (found[1] or found[2] or "") if found else ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
