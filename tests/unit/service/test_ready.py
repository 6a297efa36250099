"""Containers that become ready one after the other, or never; and when each did."""

from __future__ import annotations

import logging
import socket
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment
from socklat_gate.scenario import Ready
from socklat_gate.service import ready_watch as module
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.ready_watch import ReadyWatch
from tests.certificates import issue
from tests.unit.https_site import https_site

CLIENT: Any = SimpleNamespace(
    api=SimpleNamespace(
        logs=lambda *_, **__: b"last words", inspect_container=lambda name: {"Config": {}}
    )
)


def process(name: str) -> ContainerProcess:
    return ContainerProcess(f"id-{name}", name, 1, 1, 1, "127.0.0.1")


def watched(ready: Ready, port: int, *names: str) -> ReadyWatch:
    watch = ReadyWatch(CLIENT, ready, port)
    for name in names:
        watch.begin(process(name), time.monotonic_ns())
    return watch


def test_each_is_tried_by_itself_until_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = {"a": ["refused", ""], "b": ["refused"] * 9 + [""]}
    alive: list[int] = []
    monkeypatch.setattr(module, "make_attempt", lambda *_: lambda item: outcomes[item.name].pop(0))
    with caplog.at_level(logging.INFO, "socklat_gate.service"):
        moments = watched(Ready(timeout_s=60.0), 80, "a", "b").wait(lambda: alive.append(1))
    assert outcomes == {"a": [], "b": []}
    assert [moments[name].attempt for name in ("id-a", "id-b")] == [2, 10]
    assert moments["id-a"].at_ns < moments["id-b"].at_ns
    assert len(alive) > 2  # and once more at the end
    assert [record.args[0] for record in caplog.records if record.args] == ["a", "b"]


def test_the_moment_does_not_wait_for_the_others_nor_for_whoever_asks() -> None:
    """A service that listens 120 ms after its order, whose moment is asked for much later."""
    with socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        ordered_ns = time.monotonic_ns()
        watch = ReadyWatch(CLIENT, Ready(timeout_s=5.0), later.getsockname()[1])
        watch.begin(process("a"), ordered_ns)
        time.sleep(0.12)
        later.listen()
        listening_ns = time.monotonic_ns()
        time.sleep(0.3)
        (moment,) = watch.wait(lambda: None).values()
    assert moment.attempt > 5
    assert -1e6 < moment.at_ns - listening_ns < 100e6  # on a busy machine; 4 ms on a quiet one


def test_pauses_grow_with_the_time_that_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns, pauses = [0], []
    monkeypatch.setattr(module, "make_attempt", lambda *_: lambda item: "refused")
    watch = ReadyWatch(CLIENT, Ready(timeout_s=60.0), 80)

    class Ended:
        def wait(self, pause_s: float) -> bool:
            pauses.append((now_ns[0] / 1e9, pause_s))
            now_ns[0] += round(1e9 * pause_s)
            return False

    monkeypatch.setattr(watch, "_ended", Ended())
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: now_ns[0])
    assert watch._tried(process("a"), 0).why_not == "refused"
    assert all(pause == pytest.approx(max(0.004, min(0.25, t / 64))) for t, pause in pauses)
    assert len(pauses) < 700  # in a minute


def test_one_that_is_never_ready_is_named_with_its_log() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(InvalidMeasurement) as caught:
            watched(Ready(timeout_s=0.05), port, "a").wait(lambda: None)
    assert caught.value.reason is Reason.SERVICE_NOT_READY
    for part in ("container a was not ready within 0.05 s", f"127.0.0.1:{port}"):
        assert part in caught.value.message
    assert caught.value.log == "last words"


def test_a_death_ends_the_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "make_attempt", lambda *_: lambda item: "not yet")

    def die() -> None:
        raise InvalidMeasurement(Reason.SERVICE_DIED, "gone")

    with pytest.raises(InvalidMeasurement, match="gone"):
        watched(Ready(timeout_s=60.0), 80, "a").wait(die)


def test_one_that_docker_starts_again_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first process ends, for a while there is none, and the next one has another address."""
    this = process("a")
    gone, next_one = replace(this, start=0), replace(this, start=-1, address="10.0.0.9")
    monkeypatch.setattr(ContainerProcess, "is_alive", lambda item: item.start < 0)
    tried: list[str] = []

    def attempt(item: ContainerProcess) -> str:
        tried.append(item.address)
        return "" if item.address == next_one.address else "refused"

    monkeypatch.setattr(module, "make_attempt", lambda *_: attempt)
    found = [None, None, next_one]
    watch = ReadyWatch(CLIENT, Ready(timeout_s=60.0), 80)
    watch.begin(gone, time.monotonic_ns(), lambda: found.pop(0))
    assert watch.wait(lambda: None)["id-a"].attempt == 4
    assert tried == ["127.0.0.1"] * 3 + ["10.0.0.9"]


def test_a_response_of_a_process_that_has_ended_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its successor would be measured before it is ready, or the dead one be missed."""
    this = process("a")
    monkeypatch.setattr(ContainerProcess, "is_alive", lambda item: item.start == 7)
    monkeypatch.setattr(module, "make_attempt", lambda *_: lambda _item: "")
    watch = ReadyWatch(CLIENT, Ready(timeout_s=60.0), 80)
    watch.begin(this, time.monotonic_ns(), lambda: replace(this, start=7))
    assert watch.wait(lambda: None)["id-a"].attempt == 2


def test_what_breaks_an_attempt_is_raised_to_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(item: ContainerProcess) -> str:
        raise UnfitEnvironment(Reason.NO_DOCKER, "the daemon is gone", remedy="")

    monkeypatch.setattr(module, "make_attempt", lambda *_: broken)
    with pytest.raises(UnfitEnvironment, match="the daemon is gone"):
        watched(Ready(timeout_s=60.0), 80, "a").wait(lambda: None)


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_a_service_over_tls(tmp_path: Path, status: int, ready: bool) -> None:
    """Whatever its certificate: this one has expired and is for another host."""
    expired = issue(tmp_path, "s", names=["elsewhere"], valid=timedelta(days=-1))
    with https_site(expired, lambda path: status if path == "/health" else 404) as port:
        waiting = Ready(https="/health", timeout_s=5.0 if ready else 0.05)
        if ready:
            watched(waiting, port, "a").wait(lambda: None)
            return
        with pytest.raises(InvalidMeasurement) as caught:
            watched(waiting, port, "a").wait(lambda: None)
    assert f"https://127.0.0.1:{port}/health responded 503, not 200" in caught.value.message
