from __future__ import annotations

import pytest

from socklat_gate.errors import Reason
from socklat_gate.job.same_image import same_commit, same_image
from socklat_gate.measured.arm_differences import ArmDifference, ArmDifferences
from socklat_gate.scenario import Scenario
from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.image import ImageRef
from socklat_gate.wording.same_image_text import same_image_text
from tests.unit.job.fakes import BASE_IMAGE, IMAGE, SAME_IMAGE, scenario


def with_commands(service: list[str] | None, baseline: list[str] | str | None) -> Scenario:
    given = scenario().model_dump(mode="json")
    given["service"]["command"], given["baseline"]["command"] = service, baseline
    return Scenario.model_validate(given)


@pytest.mark.parametrize("baseline", [IMAGE, SAME_IMAGE], ids=["one tag", "two tags"])
def test_tags_do_not_make_two_images_of_one(baseline: ImageRef) -> None:
    fact = same_image(scenario(), baseline, IMAGE)
    assert fact is not None
    assert fact.code is Reason.SAME_IMAGE
    assert fact.numbers["id"] == IMAGE.id


@pytest.mark.parametrize("baseline", [None, BASE_IMAGE, ImageRef("demo:2", "sha256:old", "")])
def test_another_image_or_none_is_not_the_same(baseline: ImageRef | None) -> None:
    assert same_image(scenario(), baseline, IMAGE) is None


@pytest.mark.parametrize(
    ("service", "baseline", "same"),
    [
        (["/api"], ["/api", "--old"], False),
        (None, ["/api", "--old"], False),
        (["/api"], ["/api"], True),
        (["/api"], None, True),
    ],
)
def test_another_command_of_one_image_is_a_comparison(
    service: list[str] | None, baseline: list[str] | None, same: bool
) -> None:
    assert (same_image(with_commands(service, baseline), IMAGE, IMAGE) is not None) is same


COMMIT = "c" * 40
BUILT, AGAIN = (ImageRef(f"{REPOSITORY}:{key}", f"sha256:{key}", "") for key in ("a", "b"))
IMAGE_ALONE = ArmDifferences((ArmDifference("image", "", BUILT.id, AGAIN.id),))


def test_one_commit_built_twice_is_no_comparison() -> None:
    """An image with the time in it is another one each time."""
    fact = same_commit(COMMIT, BUILT, AGAIN, IMAGE_ALONE)
    assert fact is not None
    assert fact.code is Reason.SAME_IMAGE
    assert (
        same_image_text(fact.numbers) == "both arms are commit cccccccccccc, so nothing is compared"
    )


@pytest.mark.parametrize(
    ("commit", "baseline", "candidate", "more"),
    [
        ("", BUILT, AGAIN, ()),
        (COMMIT, None, AGAIN, ()),
        (COMMIT, BASE_IMAGE, AGAIN, ()),
        (COMMIT, BUILT, IMAGE, ()),
        (COMMIT, BUILT, AGAIN, (ArmDifference("source", "app/new.py", "absent"),)),
        (COMMIT, BUILT, AGAIN, (ArmDifference("command", "", "a", "b"),)),
    ],
)
def test_what_may_differ_is_compared(
    commit: str, baseline: ImageRef | None, candidate: ImageRef, more: tuple[ArmDifference, ...]
) -> None:
    differences = ArmDifferences((*IMAGE_ALONE.found, *more))
    assert same_commit(commit, baseline, candidate, differences) is None
    assert same_commit(commit, baseline, candidate, None) is None
