"""What differs between two readings of a compose file, key by key."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from socklat_gate.git import git
from socklat_gate.measured.arm_differences import ArmDifference
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Gate
from socklat_gate.service.compose import Document
from socklat_gate.service.stack_isolation import replaced_parts
from socklat_gate.service.stack_mounts import mounted_path
from socklat_gate.service.stack_trees import Trees

__all__ = [
    "bound_paths",
    "differing_keys",
    "presence",
    "replaced_notes",
    "shared_parts",
    "stack_differences",
]

BUILT = ("build", "image")
"""Keys of the service under test whose effect is its image."""

PARTS = ("services", "networks", "volumes", "configs", "secrets")


def stack_differences(
    base: Document, ours: Document, trees: Trees, tested: tuple[str, ...]
) -> Iterator[ArmDifference]:
    """Keys that are not the same, with no values: those of variables may be secrets.

    Both trees count as one place; ``tested`` are the names of the service under test.
    """
    base, ours = _without_place(base, trees.there), _without_place(ours, trees.here)
    for part in PARTS:
        there, here = base.get(part) or {}, ours.get(part) or {}
        for name in sorted({*there, *here}):
            if name not in there or name not in here:
                yield ArmDifference("compose", f"{part}.{name}", *presence(name, there, here))
                continue
            for key in differing_keys(there[name] or {}, here[name] or {}):
                if not (part == "services" and name in tested and key in BUILT):
                    yield ArmDifference("compose", f"{part}.{name}.{key}")


def bound_paths(stack: Document, directory: Path) -> tuple[str, ...]:
    """Host paths that the stack mounts, relative to a directory, at or below it or not."""
    volumes = [v for d in stack["services"].values() for v in d.get("volumes") or ()]
    sources = dict.fromkeys(filter(None, (mounted_path(volume)[0] for volume in volumes)))
    return tuple(os.path.relpath(source, directory.resolve()) for source in sources)


def shared_parts(stack: Document, directory: Path, shared: Collection[str]) -> Iterator[Note]:
    """What both stacks reach and neither owns; ``shared`` keys are what the scenario allows."""
    yield from (Note(NoteCode.STATE_SHARED, key) for key in sorted(shared))
    for name, volume in (stack.get("volumes") or {}).items():
        if (volume or {}).get("external") and f"volumes.{name}" not in shared:
            yield Note(NoteCode.STATE_SHARED, f"volumes.{name}", {"written": "no"})
    for name, definition in stack["services"].items():
        if "host-gateway" in json.dumps(definition.get("extra_hosts") or ()):
            yield Note(NoteCode.STATE_SHARED, f"services.{name}.extra_hosts")
    top = git(directory, "rev-parse", "--show-toplevel").text or str(directory.resolve())
    for path in bound_paths(stack, directory):
        source = Path(os.path.normpath(directory.resolve() / path))
        if not source.is_relative_to(top):
            yield Note(NoteCode.STATE_SHARED, str(source), {"written": "no"})


def replaced_notes(stack: Document, shared: Collection[str], gate: Gate) -> Iterator[Note]:
    """What each arm has of its own in place of what the file says."""
    for part in replaced_parts(stack, shared, alone=gate.interleave == "block"):
        yield Note(NoteCode.STACK_REPLACED, part.key, {"by": part.by})


def _without_place(stack: Document, directory: Path) -> Document:
    """The stack with its own directory as ".", so that two places of it compare equal."""
    text = json.dumps(stack, default=str)
    for path in dict.fromkeys((str(directory), str(directory.resolve()))):
        text = text.replace(json.dumps(path)[1:-1], ".")
    loaded: Document = json.loads(text)
    # compose names it after the directory, and everything in it after that.
    name = str(loaded.get("name", ""))
    return {key: _unnamed(value, name) for key, value in loaded.items() if key != "name"}


def _unnamed(value: Any, project: str) -> Any:
    """Parts without the names that compose gave them by the project's."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: {k: v for k, v in part.items() if not (k == "name" and v == f"{project}_{key}")}
        if isinstance(part, Mapping)
        else part
        for key, part in value.items()
    }


def differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Keys whose values are not the same, sorted."""
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def presence(key: str, there: Any, here: Any) -> tuple[str, str]:
    """What either side of a difference has of a key: "" or "absent"."""
    return ("" if key in there else "absent"), ("" if key in here else "absent")
