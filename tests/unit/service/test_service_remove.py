from __future__ import annotations

import logging
import threading
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
import requests

from socklat_gate.service import remove
from socklat_gate.service.remove import remove_containers, remove_networks, remove_run


class Api:
    """A daemon that responds to each removal with the next outcome planned for that id."""

    def __init__(self, **outcomes: list[Exception]) -> None:
        self.outcomes = outcomes
        self.options: dict[str, Any] = {}

    def remove_container(self, name: str, **options: Any) -> None:
        self.options = options
        self.remove_network(name)

    def remove_network(self, name: str) -> None:
        if self.outcomes.get(name):
            raise self.outcomes[name].pop(0)

    def containers(self, **options: Any) -> list[dict[str, str]]:
        raise requests.ReadTimeout("too slow")


def client_of(api: Api) -> Any:
    return SimpleNamespace(api=api)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "FIRST_PAUSE_S", 0.001)


def test_containers_go_by_force_with_their_volumes() -> None:
    api = Api()
    assert remove_containers(client_of(api), ["a", "b"]) == ["a", "b"]
    assert api.options == {"v": True, "force": True}


def test_what_is_gone_already_counts_as_removed() -> None:
    api = Api(a=[docker.errors.NotFound("no such container")])
    assert remove_containers(client_of(api), ["a"]) == ["a"]


def test_conflicts_and_timeouts_are_tried_again() -> None:
    busy: list[Exception] = [
        docker.errors.APIError("has active endpoints"),
        requests.ReadTimeout("slow"),
    ]
    assert remove_networks(client_of(Api(n=busy)), ["n"]) == ["n"]
    assert busy == []


def test_one_that_stays_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remove, "GIVE_UP_S", 0.001)
    api = Api(a=[docker.errors.APIError("x", explanation="device busy")] * 1000)
    with caplog.at_level(logging.WARNING):
        assert remove_containers(client_of(api), ["a", "b"]) == ["b"]
    assert "could not remove container a: device busy" in caplog.text


def test_a_daemon_that_does_not_respond_is_logged_not_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        remove_run(client_of(Api()), "abc", networks=True)
    assert "run abc" in caplog.text


def test_without_threads_they_go_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert remove_networks(client_of(Api()), ["a", "b"]) == ["a", "b"]
