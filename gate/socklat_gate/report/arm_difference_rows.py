"""What differs between the arms beside code, and what is not known to be alike, as rows."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.arm_differences import ArmDifference, ArmDifferences
from socklat_gate.wording import units
from socklat_gate.wording.arm_difference_text import KINDS, presence_text
from socklat_gate.wording.notes import note_text

__all__ = ["ArmDifferencesText", "DifferenceRow", "arm_differences_section"]


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One difference: what it is, its name, and what each arm has."""

    kind: str
    name: str
    baseline: str
    candidate: str


@dataclass(frozen=True, slots=True)
class ArmDifferencesText:
    """A row for each difference; ``left_off`` of them are in the result only."""

    rows: tuple[DifferenceRow, ...]
    left_off: int
    not_known: tuple[str, ...]


def arm_differences_section(differences: ArmDifferences | None) -> ArmDifferencesText | None:
    """None where nothing was started for an arm, or where there is nothing to say."""
    if differences is None or differences == ArmDifferences():
        return None
    return ArmDifferencesText(
        tuple(map(_row, differences.found)),
        differences.more,
        tuple(map(note_text, differences.not_known)),
    )


def _row(difference: ArmDifference) -> DifferenceRow:
    sides = (difference.baseline, difference.candidate)
    if difference.kind == "image":
        shown = tuple(units.image_id(side) for side in sides)
    else:
        shown = presence_text(*sides)
    return DifferenceRow(KINDS[difference.kind], difference.name, *shown)
