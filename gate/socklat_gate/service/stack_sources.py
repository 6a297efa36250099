"""Files that compose reads while it merges a stack, and that are not in what it prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from socklat_gate.scenario.powers import Asked, Power, is_outside

__all__ = ["asked_by_sources"]

LISTED = ("env_file", "label_file")
MOST_FILES = 100
MOST_BYTES = 4 << 20


def asked_by_sources(files: Sequence[Path], checkout: Path) -> Iterator[Asked]:
    """Files outside of ``checkout`` that compose files name, those that they include too."""
    queue, seen = list(files), set[Path]()
    while queue and len(seen) < MOST_FILES:
        file = queue.pop()
        real = file.resolve()
        if real in seen:
            continue
        seen.add(real)
        document = _document(file)
        for where, path in _named(document):
            if is_outside(file.parent / path, checkout):
                yield Asked(Power.FILES, where, f"reads {path}")
        queue += [file.parent / path for path in _followed(document)]


def _document(file: Path) -> Mapping[str, Any]:
    """Empty for what is no compose file: compose refuses it in its own words."""
    try:
        with file.open("rb") as opened:
            found = yaml.safe_load(opened.read(MOST_BYTES))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _services(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    services = document.get("services")
    for name, service in services.items() if isinstance(services, Mapping) else ():
        if isinstance(service, Mapping):
            yield str(name), service


def _named(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, service in _services(document):
        for key in LISTED:
            yield from (
                (("services", name, key), path) for path in _paths(service.get(key), "path")
            )
    for path in _followed(document):
        yield ("include",), path
    for entry in _list(document.get("include")):
        if isinstance(entry, Mapping):
            yield from ((("include", "env_file"), path) for path in _paths(entry.get("env_file")))


def _followed(document: Mapping[str, Any]) -> Iterator[str]:
    for entry in _list(document.get("include")):
        yield from _paths(entry.get("path") if isinstance(entry, Mapping) else entry)
    for _, service in _services(document):
        extended = service.get("extends")
        if isinstance(extended, Mapping):
            yield from _paths(extended.get("file"))


def _paths(value: object, member: str = "path") -> Iterator[str]:
    for entry in _list(value):
        path = entry.get(member) if isinstance(entry, Mapping) else entry
        if isinstance(path, str) and "\0" not in path:
            yield path


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
