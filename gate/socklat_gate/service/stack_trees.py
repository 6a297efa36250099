"""A checkout of another commit, and the work tree it stands for: absolute paths lead to the first.

``${PWD}/conf`` in a compose file is a path of the work tree.  In the other commit's stack it means
that commit's file: else both arms would have the same one, silently.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.service.dollars import doubled, single
from socklat_gate.service.stack_mounts import mounted_path

__all__ = ["Trees", "with_paths"]

Document = Mapping[str, Any]

_WITH_FILES = ("secrets", "configs")


@dataclass(frozen=True, slots=True)
class Trees:
    """``there`` is the top of the checkout, ``here`` that of the work tree; both absolute."""

    there: Path
    here: Path

    @classmethod
    def around(cls, directory: Path, here: Path) -> Trees:
        """``directory`` in the checkout is what ``here`` is in the work tree.

        Where there is no git, these are the tops themselves.
        """
        directory, here = directory.absolute(), here.absolute()
        parents = (directory, *directory.parents)
        top = next((one for one in parents if (one / ".git").exists()), directory)
        depth = len(directory.relative_to(top).parts)
        return cls(top, (here, *here.parents)[depth])

    def moved(self, path: str) -> str:
        """An absolute path of the work tree as the checkout has it; any other as it is.

        Without ``..`` and links on the way: what leads out of the tree stays where it is.
        """
        if not path.startswith("/"):
            return path
        for plain in (os.path.normpath(path), os.path.realpath(path)):
            for top in {self.here, Path(os.path.realpath(self.here))}:
                inside = Path(plain)
                if inside.is_relative_to(top) and not inside.is_relative_to(self.there):
                    return str(self.there / inside.relative_to(top))
        return path

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Variables for compose: PWD, for instance, is of the checkout."""
        return {
            name: self.moved(value) if os.path.lexists(value) else value
            for name, value in environment.items()
        }

    def document(self, stack: Document) -> dict[str, Any]:
        """The stack with the absolute paths of its files moved, those of builds too."""
        made = with_paths(stack, self.moved)
        services = made["services"]
        made["services"] = {name: _built(one, self.moved) for name, one in services.items()}
        return made

    def borrowed(self, path: str) -> str:
        """A path of the checkout that is not there, in the work tree if that has it."""
        there = Path(path)
        if not path or there.exists() or not there.is_relative_to(self.there):
            return path
        here = self.here / there.relative_to(self.there)
        return str(here) if here.exists() else path


def with_paths(stack: Document, change: Callable[[str], str]) -> dict[str, Any]:
    """The stack with each host path that it mounts, or has a secret or config in, changed."""
    changed = _as_written(change)
    made = dict(stack)
    made["services"] = {
        name: _changed(one, "volumes", lambda volumes: [_mount(one, changed) for one in volumes])
        for name, one in (stack.get("services") or {}).items()
    }
    for part in _WITH_FILES:
        if part in stack:
            made[part] = _each(stack[part], lambda one: _changed(one, "file", changed))
    if "volumes" in stack:
        made["volumes"] = _each(
            stack["volumes"],
            lambda volume: _changed(
                volume, "driver_opts", lambda options: _changed(options, "device", changed)
            ),
        )
    return made


def _as_written(change: Callable[[str], str]) -> Callable[[str], str]:
    """For paths as compose files have them, with each dollar twice."""
    return lambda path: doubled(change(single(path)))


def _mount(volume: object, change: Callable[[str], str]) -> object:
    if not mounted_path(volume)[0]:
        return volume
    if isinstance(volume, str):
        source, colon, rest = volume.partition(":")
        return f"{change(source)}{colon}{rest}"
    return _changed(volume, "source", change)


def _built(definition: Any, change: Callable[[str], str]) -> Any:
    changed = _as_written(change)

    def how(build: object) -> object:
        if isinstance(build, str):
            return changed(build)
        for key in ("context", "dockerfile"):
            build = _changed(build, key, changed)
        return _changed(build, "additional_contexts", lambda more: _each(more, changed))

    return _changed(definition, "build", how)


def _changed(table: Any, key: str, change: Callable[[Any], object]) -> Any:
    """A table with one of its values changed, if it has that; what is no table as it is."""
    if not isinstance(table, Mapping) or not table.get(key):
        return table
    return {**table, key: change(table[key])}


def _each(table: Any, change: Callable[[Any], object]) -> Any:
    if not isinstance(table, Mapping):
        return table
    return {name: change(value) for name, value in table.items()}
