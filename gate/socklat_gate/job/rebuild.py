"""The image of a stored campaign built anew from its commit, once the image itself is gone."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import NoUsableBaseline, UsageError
from socklat_gate.git import COMMIT, DUBIOUS, NOT_INSTALLED, git
from socklat_gate.job.base_arm import BaseArm, base_arm
from socklat_gate.job.commit import DIRTY
from socklat_gate.job.images import OnPhase, image_at
from socklat_gate.job.worktree import sources_at
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.service.built_images import REPOSITORY, BuiltImages
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["Rebuilt", "rebuild"]

MAX_WHY = 300


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The image and the scenario's directory at its commit, or None of both; ``note`` says why."""

    image: ImageRef | None
    arm: BaseArm | None
    note: Note


def rebuild(
    client: DockerClient,
    scenario: Scenario,
    path: Path,
    commit: str,
    on_phase: OnPhase,
    keep: ExitStack,
    built: BuiltImages,
) -> Rebuilt:
    """Built from ``commit`` as ``--baseline-ref`` builds it, where there is something to build.

    ``path`` is the scenario's file.  What was checked out is removed when ``keep`` is closed.
    Raises nothing for what cannot be built: then the note has the reason.  Code that was in no
    commit ("-dirty") is not rebuilt: what is in the commit is something else.
    """
    why = _unfit(scenario, commit)
    if why:
        return _not(commit, why)
    why, git_says = _missing(path.parent, commit)
    if why:
        return _not(commit, why, git_says)
    try:
        with ExitStack() as trial:
            sources = trial.enter_context(sources_at(path.parent, commit))
            arm = base_arm(scenario, path, sources, commit)
            image = image_at(client, arm.service, path.parent, sources, commit, on_phase, built)
            if not image.reference.startswith(REPOSITORY):  # a compose file that names one
                return _not(commit, "no_build")
            keep.push(trial.pop_all())
    except (UsageError, NoUsableBaseline) as error:
        lines = [line for line in error.message.splitlines() if line.strip()]
        return _not(commit, "failed", lines[-1].rpartition(" failed: ")[2] if lines else "")
    note = Note(NoteCode.BASELINE_REBUILT, numbers={"commit": commit})
    return Rebuilt(image, arm, note)


def _unfit(scenario: Scenario, commit: str) -> str:
    """Why there is nothing to check out; "" when there may be."""
    service = scenario.service
    if service.image or not (service.build or service.compose):
        return "no_build"
    if commit.endswith(DIRTY):
        return "dirty"
    return "" if COMMIT.fullmatch(commit) else "unknown"


def _missing(directory: Path, commit: str) -> tuple[str, str]:
    """Why the commit cannot be checked out, and git's words for it; "" when it can."""
    found = git(directory, "cat-file", "-e", f"{commit}^{{commit}}")
    if found.ok:
        return "", ""
    inside = git(directory, "rev-parse", "--is-shallow-repository")
    if DUBIOUS in inside.error:
        return "not_read", inside.why
    if found.code == NOT_INSTALLED or not inside.ok:
        return "no_repository", ""
    return ("shallow" if inside.text == "true" else "not_here"), ""


def _not(commit: str, why: str, text: str = "") -> Rebuilt:
    shown = strip_control_characters(text, " ")[:MAX_WHY]
    numbers = {"commit": commit, "why": why, "message": shown}
    return Rebuilt(None, None, Note(NoteCode.BASELINE_NOT_REBUILT, numbers=numbers))
