"""Whether both arms would run the very same thing, so that a comparison of them shows nothing."""

from __future__ import annotations

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.scenario import Scenario
from socklat_gate.service.image import ImageRef

__all__ = ["same_image"]


def same_image(
    scenario: Scenario, baseline: ImageRef | None, candidate: ImageRef
) -> ReasonFact | None:
    """The fact that both arms are one image and one command; None where something differs.

    Images are told apart by their id, never by a tag: two tags of one image are one image, and a
    tag that has moved on is another.  ``baseline`` None: there is no image, only stored numbers.
    """
    if baseline is None or baseline.id != candidate.id:
        return None
    command = scenario.baseline.command
    if command is not None and command != scenario.service.command:
        return None
    numbers = {
        "baseline": baseline.reference,
        "candidate": candidate.reference,
        "id": candidate.id,
    }
    return ReasonFact(Reason.SAME_IMAGE, numbers=numbers)
