"""Containers that become ready one after the other, or never."""

from __future__ import annotations

import logging
import socket
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.scenario import Ready
from socklat_gate.service import ready as module
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.ready import wait_ready
from tests.certificates import issue
from tests.unit.https_site import https_site

CLIENT: Any = SimpleNamespace(
    api=SimpleNamespace(
        logs=lambda *_, **__: b"last words", inspect_container=lambda name: {"Config": {}}
    )
)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(module, "MAX_PAUSE_S", 0.001)


def process(name: str) -> ContainerProcess:
    return ContainerProcess(f"id-{name}", name, 1, 1, 1, "127.0.0.1")


def test_each_is_tried_until_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = {"a": ["refused", ""], "b": ["refused", "refused", ""]}
    tried: list[str] = []

    def attempt(item: ContainerProcess) -> str:
        tried.append(item.name)
        return outcomes[item.name].pop(0)

    alive: list[int] = []
    monkeypatch.setattr(module, "_attempt", lambda *_: attempt)
    with caplog.at_level(logging.INFO, "socklat_gate.service"):
        both = [process("a"), process("b")]
        wait_ready(CLIENT, both, Ready(timeout_s=60.0), 80, lambda: alive.append(1))
    assert tried == ["a", "b", "a", "b", "b"]
    assert len(alive) == 4  # before each round, and once more at the end
    assert [record.args[0] for record in caplog.records if record.args] == ["a", "b"]


def test_one_that_is_never_ready_is_named_with_its_log() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(InvalidMeasurement) as caught:
            wait_ready(CLIENT, [process("a")], Ready(timeout_s=0.05), port, lambda: None)
    assert caught.value.reason is Reason.SERVICE_NOT_READY
    for part in ("container a was not ready within 0.05 s", f"127.0.0.1:{port}"):
        assert part in caught.value.message
    assert caught.value.log == "last words"


def test_a_death_ends_the_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_attempt", lambda *_: lambda item: "not yet")

    def die() -> None:
        raise InvalidMeasurement(Reason.SERVICE_DIED, "gone")

    with pytest.raises(InvalidMeasurement, match="gone"):
        wait_ready(CLIENT, [process("a")], Ready(timeout_s=60.0), 80, die)


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_a_service_over_tls(tmp_path: Path, status: int, ready: bool) -> None:
    """Whatever its certificate: this one has expired and is for another host."""
    expired = issue(tmp_path, "s", names=["elsewhere"], valid=timedelta(days=-1))
    with https_site(expired, lambda path: status if path == "/health" else 404) as port:
        waiting = Ready(https="/health", timeout_s=5.0 if ready else 0.05)
        if ready:
            wait_ready(CLIENT, [process("a")], waiting, port, lambda: None)
            return
        with pytest.raises(InvalidMeasurement) as caught:
            wait_ready(CLIENT, [process("a")], waiting, port, lambda: None)
    assert f"https://127.0.0.1:{port}/health responded 503, not 200" in caught.value.message
