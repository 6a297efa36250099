"""Whether both arms would run the very same thing, so that a comparison of them shows nothing."""

from __future__ import annotations

from socklat_gate.errors import Reason
from socklat_gate.measured.arm_differences import ArmDifferences
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.scenario import Scenario
from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.image import ImageRef

__all__ = ["same_commit", "same_image"]


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


def same_commit(
    commit: str, baseline: ImageRef | None, candidate: ImageRef, differences: ArmDifferences | None
) -> ReasonFact | None:
    """The fact that both arms were built of the same files of ``commit``; None where they were not.

    ``commit`` is what is checked out and what the baseline is built as of ("": they differ).  With
    the time in it, say, one code makes two images: without this the job would compare what is
    checked out with itself, and pass.
    """
    if not commit or baseline is None or differences is None:
        return None
    built = all(one.reference.startswith(REPOSITORY) for one in (baseline, candidate))
    if not built or any(one.kind != "image" for one in differences.found):
        return None
    numbers = {
        "baseline": baseline.reference,
        "candidate": candidate.reference,
        "commit": commit,
    }
    return ReasonFact(Reason.SAME_IMAGE, numbers=numbers)
