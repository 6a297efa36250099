"""The baseline arm as its commit has it: mounted files, compose file, command and variables.

What a commit cannot give, since git does not have it, comes from the working directory, and is
named in a note.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import UsageError
from socklat_gate.git import git
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario, Service
from socklat_gate.scenario.build import Build
from socklat_gate.scenario.loader import scenario_of
from socklat_gate.scenario.secret import beside
from socklat_gate.scenario.tables import read_tables
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.stack_lent import lend_files

__all__ = ["BaseArm", "base_arm"]


OF_THE_COMMIT = ("compose", "service", "command", "env", "volumes")


@dataclass(frozen=True, slots=True)
class BaseArm:
    """The scenario's ``directory`` as it is in ``commit``, and its ``[service]`` there.

    Of ``service`` what it is built and started from, its command, variables and volumes are that
    commit's: the rest, such as CPUs and readiness, is how both arms are measured.  ``own`` is the
    same before the paths that git does not have were replaced.
    """

    commit: str
    directory: Path
    service: Service
    own: Service
    notes: tuple[Note, ...] = ()


def base_arm(scenario: Scenario, path: Path, sources: Path, commit: str) -> BaseArm:
    """``sources`` is the directory of the scenario's file ``path`` as ``commit`` has it."""
    notes: list[Note] = []
    service = scenario.service
    there = _service_at(sources / path.name)
    if there is None:
        notes.append(_not_taken(path.name))
    elif bool(there.compose) == bool(service.compose):
        own = {key: getattr(there, key) for key in OF_THE_COMMIT}
        own["build"] = _beside(there.built, path.parent) or service.build
        # git has no secrets: they are looked for here.
        own["env"] = {name: beside(text, path.parent) for name, text in there.env.items()}
        service = service.model_copy(update=own)
    volumes = []
    for entry in service.volumes:
        volume, taken = _volume(entry, sources, path.parent)
        volumes.append(volume)
        if not taken:
            notes.append(_not_taken(entry.partition(":")[0]))
    if service.compose:
        ours = stack_files(service.compose, path.parent)
        # The .env, which may be the first to be lent, may name the files.
        for _ in range(2):
            files = stack_files(service.compose, sources, path.parent)
            notes += map(_not_taken, lend_files(files, ours[0].parent, _not_in_git(ours)))
    mounted = service.model_copy(update={"volumes": volumes})
    return BaseArm(commit, sources, mounted, service, tuple(notes))


def _beside(how: Build | None, here: Path) -> Build | None:
    """As the commit has it, with the files of its secrets looked for here."""
    if how is None:
        return None
    secrets = {name: beside(text, here) for name, text in how.secrets.items()}
    return how.model_copy(update={"secrets": secrets})


def _service_at(path: Path) -> Service | None:
    """None where the commit has no scenario of that name, or one that cannot be read today."""
    try:
        return scenario_of(read_tables(path)).service
    except UsageError:
        return None


def _volume(entry: str, sources: Path, here: Path) -> tuple[str, bool]:
    """The entry with an absolute host path, and whether that is the commit's."""
    host, colon, rest = entry.partition(":")
    if host.startswith("/"):
        return entry, True
    tree = next((p for p in (sources, *sources.parents) if (p / ".git").exists()), sources)
    resolved = (sources / host).resolve()
    taken = resolved.exists() and resolved.is_relative_to(tree.resolve())
    path = resolved if taken else (here / host).resolve()
    return f"{path}{colon}{rest}", taken


def _not_in_git(files: Sequence[Path]) -> list[str]:
    """Names, from the first one's directory, of those that no commit has: an override, often."""
    directory = files[0].parent
    return [
        os.path.relpath(file, directory)
        for file in files
        if not git(directory, "ls-files", "--", str(file.absolute())).text
    ]


def _not_taken(name: str) -> Note:
    return Note(NoteCode.FILES_NOT_TAKEN, name)
