"""Files that a stack needs and that another commit's checkout of it does not have."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from socklat_gate.scenario.compose_text import compose_documents
from socklat_gate.service.compose import Document
from socklat_gate.service.dollars import doubled, single
from socklat_gate.service.stack_mounts import mounted_path

__all__ = ["lend_files", "missing_files", "with_missing_files"]

DOT_ENV = ".env"
WITH_FILES = ("secrets", "configs")


def lend_files(files: Sequence[Path], here: Path, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Copies the environment files that git does not have beside compose files; their names.

    ``here`` is the directory that the files' own stands for.  Without them compose would refuse
    the files, or start the stack without their values, silently.  ``others`` are further files.
    """
    lent, beside = [], files[0].parent
    of_files = [name for file in files for name in _env_files(file)]
    for name in (DOT_ENV, *others, *of_files):
        there = beside / name
        if _is_lent(there, here / name) and _is_inside(there, beside):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(here / name, there)
            lent.append(name)
    return tuple(dict.fromkeys(lent))


def missing_files(stack: Document, directory: Path, here: Path) -> tuple[str, ...]:
    """Mounted paths below ``directory`` that are not there, but are ``here``; relative to both."""
    paths = [mounted_path(volume)[0] for volume in _mounts(stack)]
    paths += [single(str(entry.get("file") or "")) for entry in _file_entries(stack)]
    found = (_borrowed(path, directory, here) for path in paths)
    return tuple(dict.fromkeys(name for name in found if name))


def with_missing_files(stack: Document, directory: Path, here: Path) -> Document:
    """The stack with those paths taken from ``here``.

    Docker would make an empty directory of each, and the service would start without its data.
    """

    def taken(path: str) -> str:
        lent = _borrowed(path, directory, here)
        return doubled(str(here / lent)) if lent else ""

    services = {}
    for name, definition in stack["services"].items():
        volumes = [
            _moved(volume, source) if (source := taken(mounted_path(volume)[0])) else volume
            for volume in definition.get("volumes") or ()
        ]
        services[name] = {**definition, "volumes": volumes} if volumes else definition
    made = {**stack, "services": services}
    for part in WITH_FILES:
        if part in stack:
            made[part] = {
                name: {**entry, "file": source}
                if (source := taken(single(str((entry or {}).get("file") or ""))))
                else entry
                for name, entry in (stack[part] or {}).items()
            }
    return made


def _moved(volume: object, source: str) -> object:
    if isinstance(volume, str):
        return f"{source}:{volume.partition(':')[2]}"
    return {**volume, "source": source} if isinstance(volume, Mapping) else volume


def _borrowed(named: str, directory: Path, here: Path) -> str:
    source = Path(named)
    if not named or source.exists() or not source.is_relative_to(directory):
        return ""
    relative = source.relative_to(directory)
    return str(relative) if (here / relative).exists() else ""


def _mounts(stack: Document) -> Iterator[object]:
    for definition in stack["services"].values():
        yield from definition.get("volumes") or ()


def _file_entries(stack: Document) -> Iterator[Mapping[str, Any]]:
    for part in WITH_FILES:
        yield from (entry or {} for entry in (stack.get(part) or {}).values())


def _env_files(file: Path) -> Iterator[str]:
    """What ``env_file`` names in a compose file; nothing of one that compose will refuse anyway."""
    try:
        documents = compose_documents(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    for document in documents:
        services = document.get("services")
        for definition in services.values() if isinstance(services, Mapping) else ():
            named = definition.get("env_file") if isinstance(definition, Mapping) else None
            for entry in named if isinstance(named, list) else [named]:
                path = entry.get("path") if isinstance(entry, Mapping) else entry
                if isinstance(path, str):
                    yield path


def _is_lent(there: Path, here: Path) -> bool:
    """Whether a file is here alone; a name that no file can have is neither here nor there."""
    try:
        return not there.exists() and here.is_file()
    except (OSError, ValueError):
        return False


def _is_inside(path: Path, directory: Path) -> bool:
    return path.resolve().is_relative_to(directory.resolve())
