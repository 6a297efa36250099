"""Files that a stack needs and that another commit's checkout of it does not have."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from socklat_gate.service.compose import Document

__all__ = ["bind_source", "lend_env_files", "missing_files", "with_missing_files"]

DOT_ENV = ".env"


def lend_env_files(file: Path, here: Path) -> tuple[str, ...]:
    """Copies the environment files that git does not have beside a compose file; their names.

    ``here`` is the directory that the file's own stands for.  Without them compose would refuse
    the file, or start the stack without their values, silently.
    """
    lent = []
    for name in (DOT_ENV, *_env_files(file)):
        there = file.parent / name
        if not there.exists() and (here / name).is_file() and _is_inside(there, file.parent):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(here / name, there)
            lent.append(name)
    return tuple(dict.fromkeys(lent))


def missing_files(stack: Document, directory: Path, here: Path) -> tuple[str, ...]:
    """Mounted paths below ``directory`` that are not there, but are ``here``; relative to both."""
    found = (_borrowed(volume, directory, here) for volume in _mounts(stack))
    return tuple(dict.fromkeys(name for name in found if name))


def with_missing_files(stack: Document, directory: Path, here: Path) -> Document:
    """The stack with those paths taken from ``here``.

    Docker would make an empty directory of each, and the service would start without its data.
    """
    services = {}
    for name, definition in stack["services"].items():
        volumes = [
            _moved(volume, here / lent) if (lent := _borrowed(volume, directory, here)) else volume
            for volume in definition.get("volumes") or ()
        ]
        services[name] = {**definition, "volumes": volumes} if volumes else definition
    return {**stack, "services": services}


def bind_source(volume: object) -> str:
    """The host path that an entry of ``volumes`` mounts; empty where it mounts none.

    The older docker-compose writes ``path:target``, the newer a table.
    """
    if isinstance(volume, str):
        source, _, target = volume.partition(":")
        return source if target and source.startswith("/") else ""
    bound = isinstance(volume, Mapping) and volume.get("type") == "bind"
    return str(volume.get("source", "")) if bound and isinstance(volume, Mapping) else ""


def _moved(volume: object, source: Path) -> object:
    if isinstance(volume, str):
        return f"{source}:{volume.partition(':')[2]}"
    return {**volume, "source": str(source)} if isinstance(volume, Mapping) else volume


def _borrowed(volume: object, directory: Path, here: Path) -> str:
    named = bind_source(volume)
    source = Path(named)
    if not named or source.exists() or not source.is_relative_to(directory):
        return ""
    relative = source.relative_to(directory)
    return str(relative) if (here / relative).exists() else ""


def _mounts(stack: Document) -> Iterator[object]:
    for definition in stack["services"].values():
        yield from definition.get("volumes") or ()


def _env_files(file: Path) -> Iterator[str]:
    """What ``env_file`` names in a compose file; nothing of one that compose will refuse anyway."""
    try:
        document: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    services = document.get("services") if isinstance(document, Mapping) else None
    for definition in services.values() if isinstance(services, Mapping) else ():
        named = definition.get("env_file") if isinstance(definition, Mapping) else None
        for entry in named if isinstance(named, list) else [named]:
            path = entry.get("path") if isinstance(entry, Mapping) else entry
            if isinstance(path, str):
                yield path


def _is_inside(path: Path, directory: Path) -> bool:
    return path.resolve().is_relative_to(directory.resolve())
