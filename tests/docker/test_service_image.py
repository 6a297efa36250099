from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.image import ImageRef, resolve_image

pytestmark = [pytest.mark.docker, pytest.mark.row]


def test_a_local_image_needs_no_registry(docker_client: Any, echo: ImageRef) -> None:
    lines: list[str] = []
    found = resolve_image(docker_client, echo.reference, lines.append)
    assert found.id == docker_client.images.get(echo.reference).id
    assert found.digest == ""
    assert lines == []
    assert resolve_image(docker_client, found.id, lines.append).id == found.id


# ".invalid" never resolves (RFC 2606), so these fail with and without a way to the internet.
@pytest.mark.parametrize("reference", ["registry.invalid/socklat/none:1", "Not A Name:1"])
def test_an_image_that_is_nowhere(docker_client: Any, reference: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_image(docker_client, reference, lambda line: None)
    assert caught.value.reason is Reason.NO_SUCH_IMAGE
    assert reference in caught.value.message
    assert caught.value.remedy is not None
