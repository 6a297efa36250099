"""What the candidate is compared with: an image that can run, or stored campaigns only."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from socklat_gate.baseline.choice import (
    UNKNOWN_LINEAGE,
    Choice,
    Lineage,
    ancestor_note,
    choose,
    up_to,
)
from socklat_gate.baseline.comparability import differing_parts
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.environment import this_machine
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.job.base_arm import BaseArm, base_arm
from socklat_gate.job.images import OnPhase, check_buildable, image_at, image_of
from socklat_gate.job.lineage import lineage_of
from socklat_gate.job.named_image import named_image_note
from socklat_gate.job.rebuild import rebuild
from socklat_gate.job.worktree import sources_at
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import Mode
from socklat_gate.scenario import Scenario
from socklat_gate.service.built_images import BuiltImages
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, resolve_image

__all__ = ["Reference", "StoredNumbers", "find_reference"]

_DAMAGED = {
    Reason.BASELINE_CORRUPT,
    Reason.BASELINE_SCHEMA,
    Reason.BASELINE_UNREACHABLE,
}


MOST_NAMES = 5

SIDES = ((0, "here"), (1, "stored"))
"""Beginnings of the names of a note's numbers."""


@dataclass(frozen=True, slots=True)
class StoredNumbers:
    """Campaigns to hold today's numbers against, and what is to be said of others."""

    campaigns: tuple[Campaign, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """The other arm.

    ``image`` is None when only stored numbers are left of it; ``named`` when the command line or
    the scenario chose it, so that stored campaigns only serve to notice drift; ``stored``
    when there are any.  ``commit`` is that of the image ("": not known) and ``why`` how it was
    found; ``lineage``: whose numbers count.  ``arm`` is the scenario's directory at that commit,
    None where both arms are given that of today.  ``notes``: what became of its image.
    """

    image: ImageRef | None
    store: BaselineStore
    named: bool
    stored: bool
    commit: str = ""
    why: Note | None = None
    lineage: Lineage = UNKNOWN_LINEAGE
    arm: BaseArm | None = None
    notes: tuple[Note, ...] = ()

    @property
    def name(self) -> str:
        """What a report calls it."""
        return self.image.reference if self.image else "stored campaigns"

    def numbers(self, scenario: Scenario, fingerprint: Fingerprint) -> StoredNumbers:
        """Stored campaigns comparable with what is about to be measured here, maybe none.

        Of those only the ones at or before the commit that is compared with, where that is known.
        Numbers of another machine or another way of measuring are not used, with a note, when the
        image that they are of runs beside the candidate.  Raises `NoUsableBaseline` when the store
        is damaged or cannot be reached, or when the reference comes from it and it holds nothing
        of this scenario or, without its image, of this machine.
        """
        if not self.stored:
            return StoredNumbers()
        if self.image is None:
            return StoredNumbers(self._usable(scenario, fingerprint, "single"))
        try:
            return StoredNumbers(self._usable(scenario, fingerprint, "paired"))
        except NoUsableBaseline as error:
            if error.reason in _DAMAGED:
                raise
            elsewhere = error.reason is Reason.BASELINE_FINGERPRINT
        if self.named:
            return StoredNumbers()
        try:
            self._usable(scenario, fingerprint, "single")
        except NoUsableBaseline as error:
            if not (elsewhere or error.reason is Reason.BASELINE_FINGERPRINT):
                raise
            return StoredNumbers(notes=(self._elsewhere(scenario, fingerprint),))
        return StoredNumbers()

    def _usable(
        self, scenario: Scenario, fingerprint: Fingerprint, mode: Mode
    ) -> tuple[Campaign, ...]:
        found = self.store.usable(
            scenario.name,
            scenario.measured_hash(),
            fingerprint,
            mode,
            scenario.former_hashes(),
        )
        return up_to(found, self.lineage)

    def _elsewhere(self, scenario: Scenario, fingerprint: Fingerprint) -> Note:
        """Where the numbers are from whose image runs instead."""
        hashes = scenario.hashes()
        campaigns = [c for c in self.store.existing(scenario.name) if c.is_of(hashes)]
        chosen = choose(campaigns, self.lineage).campaign
        parts = differing_parts(fingerprint, chosen.fingerprint)
        numbers = {f"{side}.{name}": pair[at] for name, pair in parts.items() for at, side in SIDES}
        return Note(NoteCode.OTHER_MACHINE_RERUN, numbers=numbers)

    def compared_with(self, stored: Sequence[Campaign]) -> tuple[str, Note | None]:
        """Commit and reason for it, once the numbers in use are known; empty and None when not."""
        if self.image is not None or not stored:
            return self.commit, self.why
        choice = choose(stored, self.lineage)
        return choice.commit, choice.why


def find_reference(
    client: DockerClient,
    scenario: Scenario,
    store: BaselineStore,
    directory: Path,
    on_phase: OnPhase,
    *,
    image: str | None = None,
    ref: str | None = None,
    file: str = "socklat.toml",
    keep: ExitStack | None = None,
    built: BuiltImages,
) -> Reference:
    """The image named, else the one built from the merge base with ``ref``, else a stored one.

    Stored is that of the nearest commit that has campaigns; of it the very image that was measured,
    by its id, else one built anew from that commit (`job.rebuild`).  ``directory`` and ``file`` are
    those of the scenario, whose ``image`` comes after ``ref``.  What was checked out of another
    commit is removed when ``keep`` is closed, and its image when ``built`` is left.  Raises
    `UsageError` when what was asked for cannot be had, `NoUsableBaseline` when nothing was and
    nothing usable is stored, or when the merge base has nothing to build.
    """
    has_stored = store.has(scenario.name)
    lineage = lineage_of(directory, ref or "")
    if ref and not image:
        commit, why = lineage.commits[0], ancestor_note(lineage)
        check_buildable(scenario)
        with ExitStack() as only_here:
            sources = (keep or only_here).enter_context(sources_at(directory, commit))
            arm = base_arm(scenario, directory / file, sources, commit)
            made = image_at(client, arm.service, directory, sources, commit, on_phase, built)
        return Reference(made, store, True, has_stored, commit, why, lineage, arm)
    name = image or scenario.baseline.image
    if name:
        resolved = resolve_image(client, name, on_phase, always=scenario.baseline.pull == "always")
        notes = (named_image_note(resolved, scenario.baseline),)
        return Reference(resolved, store, True, has_stored, lineage=lineage, notes=notes)
    if not has_stored:
        raise NoUsableBaseline(
            Reason.NO_BASELINE_YET,
            f"there is {store.missing(scenario.name)}{_others(store)}, and no reference image is "
            "named",
            remedy="give --baseline-image or --baseline-ref, or measure one and store it: "
            "`socklat-gate run` with the released image, then `socklat-gate baseline save`",
        )
    choice = _choice(store, scenario, lineage)
    kept = image_of(client, choice.campaign, on_phase)
    if kept is not None:
        built.use(kept)
    found = Reference(kept, store, False, True, choice.commit, choice.why, lineage)
    if kept is not None or not scenario.gate.needs_baseline:
        return found
    with ExitStack() as only_here:
        path = directory / file
        again = rebuild(client, scenario, path, choice.commit, on_phase, keep or only_here, built)
    return replace(found, image=again.image, arm=again.arm, notes=(again.note,))


def _others(store: BaselineStore) -> str:
    """What a renamed scenario may have been called."""
    names = store.scenarios()
    more = len(names) - MOST_NAMES
    listed = ", ".join(map(repr, names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")
    return f" (it has {listed})" if names else ""


def _choice(store: BaselineStore, scenario: Scenario, lineage: Lineage) -> Choice:
    """Among comparable campaigns if there are any; else the error of the job has the reason."""
    campaigns = [stored.campaign for stored in store.campaigns(scenario.name)]
    if not campaigns:
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"the baseline {store.place.display_name(scenario.name)} holds no campaign",
            remedy="store one with `socklat-gate baseline save RESULT`",
        )
    machine = this_machine().items()
    hashes = scenario.hashes()
    same = [campaign for campaign in campaigns if campaign.is_of(hashes)]
    here = [one for one in same if machine <= one.fingerprint.must_match.items()]
    return choose(here or same or campaigns, lineage)
