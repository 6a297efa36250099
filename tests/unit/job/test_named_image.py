from __future__ import annotations

from datetime import datetime, timezone

import pytest

from socklat_gate.job.named_image import named_image_note
from socklat_gate.scenario import BaselineSource
from socklat_gate.service.image import ImageRef
from socklat_gate.wording.notes import note_text

NOW = datetime(2026, 3, 15, 12, tzinfo=timezone.utc)
ID = "sha256:" + "a" * 64
DIGEST = "shop@sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("created", "text"),
    [
        ("2026-03-02T11:00:00.123456789Z", "made 13 days ago (2026-03-02)"),
        ("2026-03-14T11:00:00Z", "made 1 day ago (2026-03-14)"),
        ("2026-03-16T11:00:00Z", "made less than a day ago (2026-03-16)"),
        ("1970-01-01T00:00:00Z", "which does not say when it was made"),
        ("0001-01-01T00:00:00Z", "which does not say when it was made"),
        ("", "which does not say when it was made"),
    ],
)
def test_digest_and_age_of_what_a_name_stands_for(created: str, text: str) -> None:
    image = ImageRef("shop:released", ID, DIGEST, created)
    found = note_text(named_image_note(image, BaselineSource(), NOW))
    assert found.startswith("the reference shop:released is sha256:bbbbbbbbbbbb, ")
    assert f", {text}; no registry was asked for a newer one" in found
    always = BaselineSource(pull="always")
    assert note_text(named_image_note(image, always, NOW)).endswith(
        f", {text}; its registry was asked for a newer one"
    )


def test_an_image_of_no_registry_by_its_id() -> None:
    found = named_image_note(ImageRef("shop:1", ID, ""), BaselineSource(), NOW)
    assert "sha256:aaaaaaaaaaaa," in note_text(found)
