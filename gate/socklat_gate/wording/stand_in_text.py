"""What a pass does not speak for: other requests than a stand-in, metrics that are not gated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from socklat_gate.measured.facts import Note, NoteCode, Scalar
from socklat_gate.wording.sentence import Name, Sentence

__all__ = [
    "defaults_left_out_note",
    "requests_left_out_note",
    "requests_not_measured_note",
    "stand_in_note",
    "stand_in_text",
]


def stand_in_text(notes: Sequence[Note]) -> Sentence:
    """The end of a headline: what was asked, where that only stands in for real requests."""
    asked = [note.subject for note in notes if note.code is NoteCode.STAND_IN]
    return ("; only ", Name(asked[0]), " was asked, a stand-in") if asked else ()


def stand_in_note(subject: str, _numbers: Mapping[str, Scalar]) -> str:
    """What was asked, and what to do about it."""
    return (
        f"only {subject} was asked, a stand-in that init chose: this says nothing of other "
        "requests. Put what the service is for into [load] and remove load.stand_in"
    )


def defaults_left_out_note(subject: str, _numbers: Mapping[str, Scalar]) -> str:
    """What would be gated if the scenario did not say otherwise."""
    return f"not gated here, but by default: {subject}"


def requests_left_out_note(subject: str, _numbers: Mapping[str, Scalar]) -> str:
    """Which quantiles of which named requests would be gated if they came more often."""
    return f"not gated by name, since too few such requests come or the scenario says so: {subject}"


def requests_not_measured_note(subject: str, _numbers: Mapping[str, Scalar]) -> str:
    """Named requests on a kernel that logs no exchanges."""
    return (
        f"requests are not told apart by name here ({subject}): this kernel has no hook for "
        "stalls, with which exchanges are logged; the whole is judged"
    )
