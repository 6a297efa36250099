"""Files that compose reads for a stack, and that another commit's checkout of it does not have."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from socklat_gate.scenario.compose_text import compose_documents
from socklat_gate.service.stack_trees import Trees

__all__ = ["lend_files"]

DOT_ENV = ".env"
MOST_FILES = 100
LISTED = ("env_file", "label_file")


def lend_files(files: Sequence[Path], here: Path, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Copies what git does not have of the files that compose reads beside these; their names.

    ``here`` is the directory that the first file's own stands for.  Environment files, and what
    the files include and extend: without them compose would refuse the files, or start the stack
    without their values, silently.  ``others`` are further files.
    """
    beside = files[0].parent.absolute()
    trees = Trees.around(beside, here)
    lent: dict[str, None] = {}

    def lend(path: Path) -> None:
        if _lend(Path(os.path.normpath(path)), trees):
            lent[os.path.relpath(path, beside)] = None

    for name in (DOT_ENV, *others):
        lend(beside / name)
    queue, seen = [(file, beside) for file in files], set[Path]()
    while queue and len(seen) < MOST_FILES:
        file, base = queue.pop(0)
        if file in seen:
            continue
        seen.add(file)
        for document in _documents(file):
            for name in _environment_files(document):
                lend(base / name)
            for name, place, settings in _followed(document):
                lend(base / name)
                for setting in settings:
                    lend(base / setting)
                queue.append((base / name, base / place))
    return tuple(lent)


def _lend(there: Path, trees: Trees) -> bool:
    """Whether a path of the checkout was copied from the work tree, which alone has it."""
    if not there.is_relative_to(trees.there):
        return False
    here = trees.here / there.relative_to(trees.there)
    try:
        inside = there.resolve().is_relative_to(trees.there.resolve())
        if not inside or there.exists() or not here.is_file():
            return False
    except (OSError, ValueError):  # a name that no file can have
        return False
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(here, there)
    return True


def _documents(file: Path) -> list[Mapping[str, Any]]:
    """None of one that compose will refuse anyway."""
    try:
        return compose_documents(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []


def _environment_files(document: Mapping[str, Any]) -> Iterator[str]:
    for definition in _services(document):
        for key in LISTED:
            for entry in _list(definition.get(key)):
                yield from _texts(entry.get("path") if isinstance(entry, Mapping) else entry)


def _followed(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Further compose files, where the paths in each begin, and its settings."""
    for entry in _list(document.get("include")):
        included = entry if isinstance(entry, Mapping) else {"path": entry}
        names = list(_texts(included.get("path")))
        for name in names:
            place = next(_texts(included.get("project_directory")), os.path.dirname(names[0]))
            settings = list(_texts(included.get("env_file")))
            yield name, place, settings or [os.path.join(place, DOT_ENV)]
    for definition in _services(document):
        extended = definition.get("extends")
        if isinstance(extended, Mapping):
            for name in _texts(extended.get("file")):
                yield name, os.path.dirname(name), []


def _services(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    services = document.get("services")
    for definition in services.values() if isinstance(services, Mapping) else ():
        if isinstance(definition, Mapping):
            yield definition


def _texts(value: object) -> Iterator[str]:
    yield from (one for one in _list(value) if isinstance(one, str) and "\0" not in one)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
