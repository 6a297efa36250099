"""Which waivers hold for the baseline that is compared with, and why the others do not.

A waiver is given for a baseline, its key ``baseline``, that does not have the waived change yet.
Once it has, the waiver must not let a second change through.  It is in force while the baseline

- is that commit, or that image;
- is an ancestor of that commit, and so does not have the change either;
- descends from it, but its own scenario does not have the waiver: the change that brings it is the
  one being measured, and other branches were merged meanwhile;
- descends from it with the same sources of the service: only the waiver was merged ahead of its
  change, as a gate needs it that takes waivers from the target branch.

Everything else, what is not known included, is not in force.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import UsageError
from socklat_gate.git import COMMIT, git
from socklat_gate.job.bytes_at import bytes_at
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario, Service, Waiver
from socklat_gate.scenario.tables import table_in, tomllib

__all__ = ["Compared", "waivers_in_force"]

IMAGE = "sha256:"


@dataclass(frozen=True, slots=True)
class Compared:
    """The baseline that is compared with: its commit ("": not known), and its image's id or digest.

    ``scenario`` is the scenario's file, whose history is that of the waivers.
    """

    scenario: Path
    commit: str
    images: tuple[str, ...] = ()


def waivers_in_force(
    scenario: Scenario, compared: Compared
) -> tuple[tuple[Waiver, ...], tuple[Note, ...]]:
    """Those of the scenario that hold, and a note on each that does not."""
    held: list[Waiver] = []
    notes: list[Note] = []
    for waiver in scenario.waiver:
        why = _why_not(waiver, scenario, compared)
        if not why:
            held.append(waiver)
            continue
        numbers = {"why": why, "given_for": waiver.baseline, "write": _name_of(compared)}
        notes.append(Note(NoteCode.WAIVER_NOT_IN_FORCE, waiver.metric, numbers))
    return tuple(held), tuple(notes)


def _why_not(waiver: Waiver, scenario: Scenario, compared: Compared) -> str:
    """A code of `wording.baseline_notes`; empty when it is in force."""
    given_for = waiver.baseline
    if given_for.startswith(IMAGE):
        found = any(image.startswith(given_for) for image in _hashes_of(compared))
        return "" if found else "other_image"
    if not COMMIT.fullmatch(compared.commit):
        return "commit_unknown"
    if compared.commit.startswith(given_for):
        return ""
    directory = compared.scenario.resolve().parent
    named = git(directory, "rev-parse", "--verify", "--quiet", f"{given_for}^{{commit}}")
    if not (named.ok and COMMIT.fullmatch(named.text)):
        return "not_here"
    return _why_not_since(named.text, waiver, scenario, compared)


def _why_not_since(named: str, waiver: Waiver, scenario: Scenario, compared: Compared) -> str:
    """The same of a baseline that is another commit than the one ``named``."""
    path, baseline = compared.scenario, compared.commit
    if _is_ancestor(path.resolve().parent, baseline, named):
        return ""
    if not _is_ancestor(path.resolve().parent, named, baseline):
        return "other_line"
    alike = not _has_waiver(path, baseline, waiver) or _same_sources(
        path, scenario, named, baseline
    )
    return "" if alike else "merged"


def _name_of(compared: Compared) -> str:
    """What to write in a waiver for this baseline; empty when nothing names it."""
    if COMMIT.fullmatch(compared.commit):
        return compared.commit[:12]
    return next(iter(_hashes_of(compared)), "")


def _hashes_of(compared: Compared) -> list[str]:
    """Of its image: the id, and the digest without the repository before it."""
    return [image[image.find(IMAGE) :] for image in compared.images if IMAGE in image]


def _is_ancestor(directory: Path, older: str, newer: str) -> bool:
    return git(directory, "merge-base", "--is-ancestor", older, newer).ok


def _has_waiver(path: Path, commit: str, waiver: Waiver) -> bool:
    """Whether the scenario of a commit waives the same metric for the same baseline.

    What cannot be read has it: a waiver is in force only where that is known.
    """
    try:
        found = bytes_at(path, commit)
        data = tomllib.loads(found.decode("utf-8")) if found is not None else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, UsageError):
        return True
    waivers = (table_in(path.name, data) or {}).get("waiver")
    return any(
        isinstance(one, dict)
        and one.get("metric") == waiver.metric
        and _same_commit(str(one.get("baseline", "")), waiver.baseline)
        for one in (waivers if isinstance(waivers, list) else ())
    )


def _same_commit(one: str, other: str) -> bool:
    """Whether one is the beginning of the other; a waiver without any is the same as all."""
    return one.startswith(other) or other.startswith(one)


def _same_sources(path: Path, scenario: Scenario, one: str, other: str) -> bool:
    """Whether two commits have the same files of the service, the scenario's own apart."""
    directory = path.resolve().parent
    of_image, mounted = _sources(scenario.service)
    # What has moved since is no source in either: then every file may be one.
    known = of_image and all(_is_in(directory, other, name) for name in of_image)
    wanted = [*of_image, *mounted] if known else [":(top)"]
    left_out = (f":(exclude){path.name}", ":(exclude)baselines")
    return git(
        directory, "diff", "--no-ext-diff", "--quiet", one, other, "--", *wanted, *left_out
    ).ok


def _is_in(directory: Path, commit: str, name: str) -> bool:
    return git(directory, "cat-file", "-e", f"{commit}:./{name}").ok


def _sources(service: Service) -> tuple[Sequence[str], Sequence[str]]:
    """Paths of what the image and the stack are made of, and of what is mounted."""
    hosts = [entry.partition(":")[0] for entry in service.volumes]
    stack = str(Path(service.compose_names[0]).parent) if service.compose else None
    how = service.built
    built = [how.context, os.path.join(how.context, how.dockerfile)] if how else []
    of_image = built or ([stack] if stack else [])
    return of_image, [host for host in hosts if not host.startswith("/")]
