"""What differs between the arms: image, command, variables, mounts, files, keys of the stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from socklat_gate.git import git
from socklat_gate.job.base_arm import BaseArm
from socklat_gate.measured.arm_differences import ArmDifference, ArmDifferences
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario, Service
from socklat_gate.service.compose import Document, read_stack
from socklat_gate.service.image import ImageRef
from socklat_gate.service.stack_files import missing_files

__all__ = ["arm_differences"]

MOST = 40
MOST_TEXT = 120
BUILT = ("build", "image")
"""Keys of the service under test whose effect is its image."""


def arm_differences(
    scenario: Scenario,
    directory: Path,
    baseline: ImageRef,
    candidate: ImageRef,
    arm: BaseArm | None,
) -> ArmDifferences:
    """Both arms compared; ``arm`` None: both are given the files of ``directory``.

    Raises as `read_stack`.
    """
    service = scenario.service
    theirs = arm.own if arm else service
    found = list(_of_containers(scenario, baseline, candidate, theirs))
    not_known = list(arm.notes if arm else ())
    if service.compose and arm and theirs.compose:
        here, there = directory / service.compose, arm.directory / theirs.compose
        ours, base = read_stack(here), read_stack(there)
        missing = missing_files(base, there.parent, here.parent)
        not_known += [Note(NoteCode.FILES_NOT_TAKEN, name) for name in missing]
        found += _of_stacks(
            _as_text(base, there.parent),
            theirs.service,
            _as_text(ours, here.parent),
            service.service,
        )
        not_known += _shared_parts(ours, directory)
    if arm:
        found += _files(directory, arm.commit, service, theirs)
    shared = [entry.partition(":")[0] for entry in service.volumes]
    not_known += [
        Note(NoteCode.STATE_SHARED, host) for host in shared if arm is None or host.startswith("/")
    ]
    return ArmDifferences(tuple(found[:MOST]), max(0, len(found) - MOST), tuple(not_known))


def _of_containers(
    scenario: Scenario, baseline: ImageRef, candidate: ImageRef, theirs: Service
) -> Iterator[ArmDifference]:
    service = scenario.service
    if baseline.id != candidate.id:
        yield ArmDifference("image", "", baseline.id, candidate.id)
    command = scenario.baseline.command
    commands = theirs.command if command is None else command, service.command
    if commands[0] != commands[1]:
        yield ArmDifference("command", "", *map(_shown, commands))
    for name in _differing(theirs.env, service.env):
        # Values may be secrets.
        yield ArmDifference("environment", name, *_presence(name, theirs.env, service.env))
    for entry in sorted({*theirs.volumes, *service.volumes}):
        if (entry in theirs.volumes) != (entry in service.volumes):
            yield ArmDifference("mounts", entry, *_presence(entry, theirs.volumes, service.volumes))


def _of_stacks(
    base: Document, tested_there: str | None, ours: Document, tested: str | None
) -> Iterator[ArmDifference]:
    """Keys of the compose files; of the services' variables the names."""
    parts = ("services", "networks", "volumes", "configs", "secrets")
    for part in parts:
        there, here = base.get(part) or {}, ours.get(part) or {}
        for name in sorted({*there, *here}):
            one, other = there.get(name), here.get(name)
            if one == other:
                continue
            if name not in there or name not in here:
                yield ArmDifference("compose", f"{part}.{name}", *_presence(name, there, here))
                continue
            for key in _differing(one or {}, other or {}):
                if name in (tested, tested_there) and part == "services" and key in BUILT:
                    continue
                yield ArmDifference("compose", f"{part}.{name}.{key}")


def _as_text(stack: Document, directory: Path) -> Document:
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


def _shared_parts(stack: Document, directory: Path) -> Iterator[Note]:
    """What both stacks reach and neither owns."""
    for part in ("networks", "volumes"):
        for name, definition in (stack.get(part) or {}).items():
            if isinstance(definition, Mapping) and definition.get("external"):
                yield Note(NoteCode.STATE_SHARED, f"{part}.{name}")
    top = git(directory, "rev-parse", "--show-toplevel").text or str(directory.resolve())
    for definition in (stack.get("services") or {}).values():
        for volume in definition.get("volumes") or ():
            source = str(volume.get("source", "")) if isinstance(volume, Mapping) else ""
            bound = isinstance(volume, Mapping) and volume.get("type") == "bind"
            if bound and not Path(source).is_relative_to(top):
                yield Note(NoteCode.STATE_SHARED, source)


def _files(
    directory: Path, commit: str, service: Service, theirs: Service
) -> Iterator[ArmDifference]:
    """Names below the repository: first what is mounted, then what the image is built from."""
    entries = (*service.volumes, *theirs.volumes)
    hosts = dict.fromkeys(entry.partition(":")[0] for entry in entries)
    mounted = [host for host in hosts if not host.startswith("/")]
    built = [one for one in (service.build, theirs.build) if one]
    if service.compose:
        built = [str(Path(service.compose).parent)]
    seen: set[str] = set()
    for kind, specs in (("file", mounted), ("source", list(dict.fromkeys(built)))):
        for name, status in _changed(directory, commit, specs):
            if name not in seen:
                seen.add(name)
                there, here = ("absent" if status == s else "" for s in ("A", "D"))
                if kind == "file":
                    yield ArmDifference("file", name, there, here)
                else:
                    yield ArmDifference("source", name, there, here)


def _changed(directory: Path, commit: str, specs: list[str]) -> list[tuple[str, str]]:
    """Name and status (A, D, M, T) of files that are not as in the commit, new ones included."""
    if not specs:
        return []
    options = ("--name-status", "--no-renames", "--no-ext-diff", "-z")
    rows = git(directory, "diff", *options, commit, "--", *specs).rows
    new = git(
        directory, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *specs
    )
    found = dict(zip(rows[1::2], rows[::2], strict=False))
    return sorted({**found, **dict.fromkeys(new.rows, "A")}.items())


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def _presence(key: str, there: Any, here: Any) -> tuple[str, str]:
    return ("" if key in there else "absent"), ("" if key in here else "absent")


def _shown(command: str | list[str] | None) -> str:
    if command is None:
        return "the image's own"
    text = command if isinstance(command, str) else " ".join(command)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} ..."
