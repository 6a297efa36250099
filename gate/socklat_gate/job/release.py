"""The pinned release that a nightly gate compares with: its image, else one from its commit."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from socklat_gate.baseline.choice import UNKNOWN_LINEAGE
from socklat_gate.baseline.comparability import is_of_release
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.job.images import OnPhase, image_of
from socklat_gate.job.lineage import commit_of, lineage_from
from socklat_gate.job.named_image import named_image_note
from socklat_gate.job.rebuild import rebuild
from socklat_gate.job.reference import Reference
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.service.built_images import BuiltImages
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import resolve_image
from socklat_gate.wording.notes import note_text

__all__ = ["find_release"]


def find_release(
    client: DockerClient,
    scenario: Scenario,
    store: BaselineStore,
    directory: Path,
    on_phase: OnPhase,
    *,
    release: str,
    file: str = "socklat.toml",
    keep: ExitStack | None = None,
    built: BuiltImages,
) -> Reference:
    """The image that was promoted for ``release`` while it is here, else one built from its commit.

    ``release`` is a tag, a branch or a commit of the repository around ``directory``, else an
    image.  Unlike a `find_reference` by ref it is that very commit, not the merge base with it.
    Raises `UsageError` when it cannot be had: numbers alone are no release to compare with.
    """
    commit = _commit(directory, release)
    has_stored = store.has(scenario.name)
    lineage = lineage_from(directory, commit, release) if commit else UNKNOWN_LINEAGE
    why = Note(NoteCode.PINNED_RELEASE, release)
    kept = store.campaigns(scenario.name) if has_stored else ()
    promoted = [one.campaign for one in kept if is_of_release(one.campaign, commit or release)]
    for campaign in reversed(promoted):
        image = image_of(client, campaign, on_phase)
        if image is not None:
            built.use(image)
            known = commit or campaign.commit
            return Reference(image, store, True, has_stored, known, why, lineage)
    if not commit:
        image = resolve_image(client, release, on_phase, always=scenario.baseline.pull == "always")
        named = (named_image_note(image, scenario.baseline),)
        return Reference(image, store, True, has_stored, "", why, lineage, notes=named)
    with ExitStack() as only_here:
        path = directory / file
        again = rebuild(client, scenario, path, commit, on_phase, keep or only_here, built)
    if again.image is None:
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"release {release!r} cannot be run: {note_text(again.note)}",
            remedy="promote its campaign while its image is here, or name the image as "
            "baseline.release",
        )
    notes = (again.note,) if promoted else ()
    return Reference(again.image, store, True, has_stored, commit, why, lineage, again.arm, notes)


def _commit(directory: Path, release: str) -> str:
    """The commit that it names; "" when it names none here."""
    try:
        return commit_of(directory, release)
    except (UsageError, UnfitEnvironment):
        return ""
