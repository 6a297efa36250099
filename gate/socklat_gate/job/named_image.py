"""What a name of the reference stands for today: its digest, and how old that is."""

from __future__ import annotations

from datetime import datetime, timezone

from socklat_gate.measured.facts import Note, NoteCode, Scalar
from socklat_gate.scenario import BaselineSource
from socklat_gate.service.image import ImageRef

__all__ = ["named_image_note"]

REPRODUCIBLE = 1980
"""Images with a date before that year say nothing of their age: it is set by their builder."""


def named_image_note(image: ImageRef, source: BaselineSource, now: datetime | None = None) -> Note:
    """``now``: None is the clock's."""
    numbers: dict[str, Scalar] = {
        "digest": image.digest.rpartition("@")[2] or image.id,
        "created": "",
        "age_s": None,
        "pull": source.pull,
    }
    try:
        created = datetime.fromisoformat(image.created[:19]).replace(tzinfo=timezone.utc)
    except ValueError:
        return Note(NoteCode.NAMED_IMAGE, image.reference, numbers)
    if created.year < REPRODUCIBLE:
        return Note(NoteCode.NAMED_IMAGE, image.reference, numbers)
    age_s = ((now or datetime.now(timezone.utc)) - created).total_seconds()
    numbers |= {"created": f"{created:%Y-%m-%d}", "age_s": age_s}
    return Note(NoteCode.NAMED_IMAGE, image.reference, numbers)
