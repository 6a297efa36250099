from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.image import ImageRef, build_image, resolve_image
from socklat_gate.service.session import ServiceSession

pytestmark = pytest.mark.docker


@pytest.fixture
def built_tags(docker_client: Any) -> Iterator[list[str]]:
    tags: list[str] = []
    yield tags
    for tag in tags:
        docker_client.api.remove_image(tag)


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


def test_a_directory_is_built_and_runs(
    docker_client: Any,
    echo: ImageRef,
    tmp_path: Path,
    built_tags: list[str],
    open_session: Callable[..., ServiceSession],
) -> None:
    (tmp_path / "Dockerfile").write_text(
        f'FROM {echo.reference}\nENV ECHO_PORT=7100\nCMD ["/echo", "--log", "built"]\n'
    )
    lines: list[str] = []
    first = build_image(docker_client, tmp_path, lines.append)
    built_tags.append(first.reference)
    assert first.reference.startswith("socklat-gate/build:")
    assert any("FROM" in line for line in lines)
    assert build_image(docker_client, tmp_path, lines.append) == first
    with open_session(port=7100) as session:
        (arm,) = session.start([ArmSpec("candidate", first)])
        assert docker_client.api.logs(arm.container_id) == b"built\n"


def test_a_failing_build_shows_its_last_lines(
    docker_client: Any, echo: ImageRef, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {echo.reference}\nCOPY missing.txt /\n")
    with pytest.raises(UsageError, match=r"missing\.txt") as caught:
        build_image(docker_client, tmp_path, lambda line: None)
    assert caught.value.reason is Reason.NO_SUCH_IMAGE
    assert "COPY missing.txt" in caught.value.message


def test_a_broken_dockerfile(docker_client: Any, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("NONSENSE\n")
    with pytest.raises(UsageError, match=r"(?i)nonsense"):
        build_image(docker_client, tmp_path, lambda line: None)


def test_a_directory_without_dockerfile(docker_client: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Dockerfile") as caught:
        build_image(docker_client, tmp_path / "nowhere", lambda line: None)
    assert caught.value.reason is Reason.NO_SUCH_FILE
