from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.image import ImageRef, resolve_image

EVENTS: list[dict[str, Any]] = [
    {"status": "Pulling from library/redis", "id": "7"},
    {"status": "Already exists", "id": "aa"},
    {"status": "Pulling fs layer", "id": "bb"},
    {"status": "Downloading", "id": "bb", "progressDetail": {"current": 1, "total": 2}},
    {"status": "Pull complete", "id": "bb"},
    {"status": "Digest: sha256:feed"},
    {"status": "Status: Downloaded newer image for redis:7"},
]


class Registry:
    """A daemon without the image until it is pulled."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.events = events
        self.pulled: tuple[str, str] | None = None
        self.images = SimpleNamespace(get=self.get)
        self.api = SimpleNamespace(pull=self.pull)

    def get(self, reference: str) -> Any:
        if self.pulled is None:
            raise docker.errors.ImageNotFound("no such image")
        digests = ["mirror/redis@sha256:beef", "redis@sha256:feed"]
        return SimpleNamespace(id="sha256:1d", attrs={"RepoDigests": digests})

    def pull(self, repository: str, *, tag: str, stream: bool, decode: bool) -> Any:
        self.pulled = (repository, tag)
        return iter(self.events)


def test_a_missing_image_is_pulled_with_a_line_per_layer() -> None:
    registry, lines = Registry(EVENTS), []  # type: ignore[var-annotated]
    found = resolve_image(registry, "redis:7", lines.append)
    assert found == ImageRef("redis:7", "sha256:1d", "redis@sha256:feed")
    assert registry.pulled == ("redis", "7")
    assert lines == [
        "pulling redis:7",
        "pulling redis:7: 1 of 1 layers",
        "pulling redis:7: 2 of 2 layers",
    ]


@pytest.mark.parametrize(
    ("config", "check"),
    [
        (None, ()),
        ({"Healthcheck": None}, ()),
        ({"Healthcheck": {"Test": ["NONE"]}}, ()),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "curl -f /"]}}, ("CMD-SHELL", "curl -f /")),
    ],
)
def test_what_an_images_health_check_runs(config: Any, check: tuple[str, ...]) -> None:
    found = SimpleNamespace(id="sha256:1d", attrs={"Config": config})
    client = SimpleNamespace(images=SimpleNamespace(get=lambda reference: found))
    assert resolve_image(client, "redis:7", lambda line: None).check == check


@pytest.mark.parametrize(
    ("reference", "pulled"),
    [
        ("redis", ("redis", "latest")),
        ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
        ("redis@sha256:feed", ("redis", "sha256:feed")),
    ],
)
def test_one_tag_or_digest_is_pulled(reference: str, pulled: tuple[str, str]) -> None:
    registry = Registry(EVENTS)
    resolve_image(registry, reference, lambda line: None)
    assert registry.pulled == pulled


def test_an_error_in_the_stream_is_an_error() -> None:
    registry = Registry([{"error": "toomanyrequests: rate limit"}])
    with pytest.raises(UsageError, match="rate limit") as caught:
        resolve_image(registry, "redis:7", lambda line: None)
    assert caught.value.reason is Reason.NO_SUCH_IMAGE
