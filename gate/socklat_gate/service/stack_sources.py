"""Files that compose reads while it merges a stack, and that are not in what it prints.

They are looked for in the files' own text, before compose is given any of them: what cannot be
looked through, or is chosen by a variable, counts as outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from socklat_gate.scenario.compose_text import compose_documents
from socklat_gate.scenario.located import is_file
from socklat_gate.scenario.powers import Asked, Power, is_outside

__all__ = ["asked_by_sources"]

LISTED = ("env_file", "label_file")
DOT_ENV = ".env"
MOST_FILES = 100
MOST_BYTES = 4 << 20

Place = tuple[str, ...]
Named = Iterator[tuple[Place, str]]


def asked_by_sources(files: Sequence[Path], checkout: Path) -> Iterator[Asked]:
    """Files outside of ``checkout`` that compose files name, those that they include too."""
    queue, seen, places = list(files), set[Path](), set[Path]()
    for file in files:
        if is_outside(file, checkout):
            yield _asked(("service", "compose"), str(file))
    while queue:
        file = queue.pop()
        real = file.resolve()
        if real in seen:
            continue
        if len(seen) == MOST_FILES:
            yield _asked(("include",), f"more than {MOST_FILES} files")
            return
        seen.add(real)
        if file.parent not in places and is_outside(file.parent / DOT_ENV, checkout):
            yield _asked((DOT_ENV,), str(file.parent / DOT_ENV))
        places.add(file.parent)
        try:
            documents = _documents(file)
        except ValueError as error:
            yield Asked(Power.FILES, (file.name,), f"cannot be looked through: {error}")
            continue
        for document in documents:
            yield from _of_document(document, file.parent, checkout, queue)


def _of_document(
    document: Mapping[str, Any], place: Path, checkout: Path, queue: list[Path]
) -> Iterator[Asked]:
    """Those of one document; the compose files that it leads to go into the ``queue``."""
    for where, path in _read(document):
        if _is_chosen(path) or is_outside(place / path, checkout):
            yield _asked(where, path)
    for where, path in _followed(document):
        # What is no file here is elsewhere: compose fetches what it includes.
        there = place / path
        if _is_chosen(path) or is_outside(there, checkout) or not is_file(there):
            yield _asked(where, path)
        else:
            queue.append(there)


def _asked(where: Place, path: str) -> Asked:
    chosen = ", which a variable chooses" if _is_chosen(path) else ""
    return Asked(Power.FILES, where, f"reads {path}{chosen}")


def _is_chosen(path: str) -> bool:
    return "$" in path.replace("$$", "")


def _documents(file: Path) -> list[Mapping[str, Any]]:
    """None of what cannot be read: compose refuses it in its own words."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError:
        return []
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    return compose_documents(content.decode("utf-8"))


def _services(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    services = document.get("services")
    for name, service in services.items() if isinstance(services, Mapping) else ():
        if isinstance(service, Mapping):
            yield str(name), service


def _read(document: Mapping[str, Any]) -> Named:
    """What is read for its lines."""
    for name, service in _services(document):
        for key in LISTED:
            yield from (
                (("services", name, key), path) for path in _paths(service.get(key), "path")
            )
    for entry in _list(document.get("include")):
        if isinstance(entry, Mapping):
            yield from ((("include", "env_file"), path) for path in _paths(entry.get("env_file")))
            for path in _paths(entry.get("project_directory")):
                yield ("include", "project_directory"), f"{path}/{DOT_ENV}"


def _followed(document: Mapping[str, Any]) -> Named:
    """Further compose files."""
    for entry in _list(document.get("include")):
        paths = _paths(entry.get("path") if isinstance(entry, Mapping) else entry)
        yield from ((("include",), path) for path in paths)
    for name, service in _services(document):
        extended = service.get("extends")
        if isinstance(extended, Mapping):
            paths = _paths(extended.get("file"))
            yield from ((("services", name, "extends"), path) for path in paths)


def _paths(value: object, member: str = "path") -> Iterator[str]:
    for entry in _list(value):
        path = entry.get(member) if isinstance(entry, Mapping) else entry
        if isinstance(path, str) and "\0" not in path:
            yield path


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
