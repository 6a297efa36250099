"""What is not measured where several requests share a connection."""

from __future__ import annotations

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import REQUEST_STAGES

__all__ = ["not_by_kernel"]


def not_by_kernel(streams: int) -> Note:
    """The stages that are not measured with so many streams a connection."""
    subject = ", ".join(REQUEST_STAGES)
    return Note(NoteCode.STAGES_NOT_MEASURED, subject, {"streams": streams})
