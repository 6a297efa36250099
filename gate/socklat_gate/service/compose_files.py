"""Which files make up a stack: those that are named, or what compose finds beside one."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from socklat_gate.errors import Reason, UsageError

__all__ = ["DEFAULT_NAMES", "compose_setting", "has_name", "set_value", "stack_files"]

log = logging.getLogger(__name__)

DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""By which compose finds a file, the first one first."""

OVERRIDES = tuple(
    f"{name}.override.{ending}"
    for name in ("compose", "docker-compose")
    for ending in ("yml", "yaml")
)


def stack_files(
    compose: str | Sequence[str], directory: Path, here: Path | None = None
) -> tuple[Path, ...]:
    """The files in the order of merging; paths start at ``directory``.

    A list is all there is.  A single name is what compose would read in its place: the files of
    COMPOSE_FILE where that has it, else the file, with its override where it has a name by which
    compose finds it.  ``here`` is the directory that ``directory`` stands for, if it is another.
    Raises `UsageError` (BAD_SCENARIO) for two overrides.
    """
    if not isinstance(compose, str):
        return tuple(directory / name for name in compose)
    file = directory / compose
    listed = compose_setting("COMPOSE_FILE", file.parent)
    if listed:
        # It is read where compose is called, which is here or beside the file.
        for place in (Path(compose).parent, Path()):
            files = tuple(_listed(listed, directory / place, (here or directory) / place))
            if file.resolve() in map(Path.resolve, files):
                return files
        log.warning("COMPOSE_FILE does not have %s, which is read alone", file)
        return (file,)
    found = [name for name in DEFAULT_NAMES if (file.parent / name).is_file()]
    if found[:1] != [file.name]:
        return (file,)
    overrides = [file.parent / name for name in OVERRIDES if (file.parent / name).is_file()]
    if len(overrides) > 1:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"{file} has {len(overrides)} overrides: {', '.join(map(str, overrides))}",
            remedy=f'keep one, or list the files: service.compose = ["{compose}", ...]',
        )
    return (file, *overrides)


def compose_setting(name: str, directory: Path) -> str:
    """A variable that compose itself heeds: of this process, else of the ``.env`` beside the file.

    Empty where neither has it.
    """
    return set_value(name, directory) or ""


def set_value(name: str, directory: Path) -> str | None:
    """As `compose_setting`; None where nothing sets it."""
    if name in os.environ:
        return os.environ[name]
    try:
        text = (directory / ".env").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    value = None
    for line in text.splitlines():
        key, equals, rest = line.strip().removeprefix("export ").partition("=")
        if equals and key.strip() == name:
            value = _unquoted(rest.strip())
    return value


def has_name(file: Path) -> bool:
    """Whether a compose file names its project."""
    try:
        return re.search(r"(?m)^name\s*:", file.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _unquoted(text: str) -> str:
    if text[:1] in ("'", '"'):
        return text[1:].partition(text[0])[0]
    return text.partition(" #")[0].rstrip()


def _listed(text: str, directory: Path, here: Path) -> Iterator[Path]:
    separator = compose_setting("COMPOSE_PATH_SEPARATOR", directory) or os.pathsep
    for name in filter(None, text.split(separator)):
        path = Path(name)
        if path.is_absolute() and path.is_relative_to(here.absolute()):
            path = path.relative_to(here.absolute())  # of another commit it is another file
        yield directory / path
