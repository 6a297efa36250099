"""What differs between the arms: image, command, variables, mounts, files, keys of the stack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from socklat_gate.git import git
from socklat_gate.job.base_arm import BaseArm
from socklat_gate.job.build_differences import build_differences, built_at
from socklat_gate.job.ignored_sources import ignored_sources
from socklat_gate.job.stack_differences import (
    bound_paths,
    differing_keys,
    presence,
    replaced_notes,
    shared_parts,
    stack_differences,
)
from socklat_gate.measured.arm_differences import ArmDifference, ArmDifferences, DifferenceKind
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario, Service
from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.image import ImageRef
from socklat_gate.service.stack_files import missing_files
from socklat_gate.service.stack_reading import running_stack
from socklat_gate.service.stack_trees import Trees

__all__ = ["arm_differences", "stored_differences"]

MOST = 40
MOST_TEXT = 120


def arm_differences(
    scenario: Scenario,
    directory: Path,
    baseline: ImageRef,
    candidate: ImageRef,
    arm: BaseArm | None,
    *,
    file: str = "socklat.toml",
    commit: str = "",
) -> ArmDifferences:
    """Both arms compared; ``arm`` None: both are given the files of ``directory``.

    ``file`` is the scenario there, and ``commit`` what an image that was built earlier is of ("":
    not known).  Raises as `running_stack`.
    """
    service = scenario.service
    theirs = arm.own if arm else service
    found = list(_of_containers(scenario, baseline, candidate, theirs))
    if all(one.reference.startswith(REPOSITORY) for one in (baseline, candidate)):
        then = arm.own.built if arm else built_at(directory / file, commit)
        found += build_differences(then, service.built)
    not_known = list(arm.notes if arm else ())
    mounted = _hosts(service, theirs)
    if service.compose:
        reading = running_stack(service, directory)
        ours, unset = reading.document, [*reading.unset]
        if arm and theirs.compose:
            there = stack_files(theirs.compose, arm.directory, directory)[0].parent
            trees = Trees.around(arm.directory, directory)
            reading = running_stack(theirs, arm.directory, directory)
            base = reading.document
            unset += reading.unset
            tested = (str(service.service), str(theirs.service))
            found += stack_differences(base, ours, trees, tested)
            missing = missing_files(base, trees, there)
            not_known += [Note(NoteCode.FILES_NOT_TAKEN, name) for name in missing]
            mounted += [*bound_paths(ours, directory), *bound_paths(base, arm.directory)]
        else:
            not_known += [_as_here(name) for name in service.compose_names]
        not_known += [Note(NoteCode.VARIABLE_UNSET, name) for name in dict.fromkeys(unset)]
        not_known += replaced_notes(ours, service.shared_keys, scenario.gate)
        not_known += shared_parts(ours, directory, service.shared_keys)
    if arm:
        found += _files(directory, arm.commit, mounted, _built(service, theirs))
        if service.built:
            ignored = ignored_sources(directory, service.built)
            found += [ArmDifference("source", name, "absent") for name in ignored]
    if not service.compose:
        not_known += _checks(baseline, candidate)
    not_known += [
        Note(NoteCode.STATE_SHARED, host)
        for host in _hosts(service)
        if arm is None or host.startswith("/")
    ]
    return ArmDifferences(tuple(found[:MOST]), max(0, len(found) - MOST), tuple(not_known))


def stored_differences(
    scenario: Scenario, path: Path, commit: str, candidate: ImageRef
) -> ArmDifferences | None:
    """What is known of a candidate beside numbers alone: what is not built as at ``commit``."""
    if not candidate.reference.startswith(REPOSITORY):
        return None
    found = tuple(build_differences(built_at(path, commit), scenario.service.built))
    return ArmDifferences(found) if found else None


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
    for name in differing_keys(theirs.env, service.env):
        # Values may be secrets.
        yield ArmDifference("environment", name, *presence(name, theirs.env, service.env))
    for entry in sorted({*theirs.volumes, *service.volumes}):
        if (entry in theirs.volumes) != (entry in service.volumes):
            yield ArmDifference("mounts", entry, *presence(entry, theirs.volumes, service.volumes))


def _checks(baseline: ImageRef, candidate: ImageRef) -> Iterator[Note]:
    """Docker runs none of theirs: see `service.container_options`."""
    if baseline.check == candidate.check:
        whose = "" if candidate.check else None
    elif baseline.check and candidate.check:
        whose = "both"
    else:
        whose = "candidate" if candidate.check else "baseline"
    if whose is not None:
        yield Note(NoteCode.CHECKS_NOT_RUN, whose)


def _as_here(name: str) -> Note:
    """No arm writes to it, but at the commit compared with it may have been another."""
    return Note(NoteCode.STATE_SHARED, name, {"written": "no"})


def _hosts(*services: Service) -> list[str]:
    entries = [entry for service in services for entry in service.volumes]
    return list(dict.fromkeys(entry.partition(":")[0] for entry in entries))


def _built(*services: Service) -> list[str]:
    """Directories that the image and the stack are made from."""
    names = [one.compose_names[0] for one in services if one.compose]
    stacks = [str(Path(name).parent) for name in names]
    builds = [one.built for one in services if one.built]
    files = [os.path.join(one.context, one.dockerfile) for one in builds]
    return [*(one.context for one in builds), *files, *stacks]


def _files(
    directory: Path, commit: str, mounted: list[str], built: list[str]
) -> Iterator[ArmDifference]:
    """Names below the repository: first what is mounted, then what is built from."""
    seen: set[str] = set()
    kinds: tuple[tuple[DifferenceKind, list[str]], ...] = (("file", mounted), ("source", built))
    for kind, paths in kinds:
        for name, status in _changed(directory, commit, paths):
            if name not in seen:
                there, here = ("absent" if status == one else "" for one in ("A", "D"))
                yield ArmDifference(kind, name, there, here)
            seen.add(name)


def _changed(directory: Path, commit: str, paths: list[str]) -> list[tuple[str, str]]:
    """Name and status (A, D, M, T) of files that are not as in the commit, new ones included.

    One path at a time: git refuses all of them for one that is outside of the repository.
    """
    found: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        options = ("--name-status", "--no-renames", "--no-ext-diff", "-z")
        rows = git(directory, "diff", *options, commit, "--", path).rows
        new = ("--others", "--exclude-standard", "--full-name", "-z")
        found |= zip(rows[1::2], rows[::2], strict=False)
        found |= dict.fromkeys(git(directory, "ls-files", *new, "--", path).rows, "A")
    return sorted(found.items())


def _shown(command: str | list[str] | None) -> str:
    if command is None:
        return "the image's own"
    text = command if isinstance(command, str) else " ".join(command)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} ..."
