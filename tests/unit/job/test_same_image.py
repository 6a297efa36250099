from __future__ import annotations

import pytest

from socklat_gate.errors import Reason
from socklat_gate.job.same_image import same_image
from socklat_gate.scenario import Scenario
from socklat_gate.service.image import ImageRef
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
