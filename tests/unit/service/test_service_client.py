from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import docker.errors
import pytest
import requests

from socklat_gate.errors import Exit, Interrupted, Reason, UnfitEnvironment
from socklat_gate.service.client import connect, daemon_errors, daemon_url


def test_a_missing_socket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(UnfitEnvironment, match=r"none\.sock") as caught:
        connect()
    assert caught.value.reason is Reason.NO_DOCKER
    assert "start the daemon" in str(caught.value.remedy)


def test_a_socket_without_permission_names_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr("os.access", lambda *args: False)
        with pytest.raises(UnfitEnvironment) as caught:
            connect()
    assert "docker group" in str(caught.value.remedy)
    assert str(path) in str(caught.value.remedy)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_other_addresses_that_do_not_respond(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(UnfitEnvironment, match=url) as caught:
        connect()
    assert caught.value.reason is Reason.NO_DOCKER


def test_the_default_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert daemon_url() == "unix:///var/run/docker.sock"


def test_a_rootless_daemon_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rootless = SimpleNamespace(
        ping=lambda: True,
        api=SimpleNamespace(timeout=0.0),
        info=lambda: {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]},
        close=lambda: None,
    )
    monkeypatch.setattr(docker, "from_env", lambda **options: rootless)
    with pytest.raises(UnfitEnvironment, match="rootless"):
        connect()


def test_an_interruption_that_the_sdk_wrapped_stays_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def from_env(**options: Any) -> None:
        try:
            raise Interrupted(Exit.SIGTERM)
        except Interrupted as error:
            raise docker.errors.DockerException("while fetching the version") from error

    monkeypatch.setattr(docker, "from_env", from_env)
    with pytest.raises(Interrupted):
        connect()


@pytest.mark.parametrize(
    "error",
    [
        docker.errors.APIError("x", explanation="disk is full"),
        requests.ConnectionError("disk is full"),
    ],
)
def test_daemon_errors_say_what_was_being_done(error: Exception) -> None:
    with (
        pytest.raises(UnfitEnvironment, match="failed while drawing a line: disk is full"),
        daemon_errors("drawing a line"),
    ):
        raise error
