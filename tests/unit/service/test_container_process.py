from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment
from socklat_gate.service import death
from socklat_gate.service.arm_launcher import PlacedContainer
from socklat_gate.service.container_process import ContainerProcess, find_process
from socklat_gate.service.death import death_error, start_error
from socklat_gate.service.owner import start_ticks
from socklat_gate.service.ready_watch import ReadyMoment
from socklat_gate.service.starting import startup_ns


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(death, "SETTLE_S", 0.0)


def client_saying(**state: Any) -> Any:
    facts = {
        "State": {"Running": True, "Pid": 0, **state},
        "NetworkSettings": {"Networks": {"net": {"IPAddress": "10.0.0.2"}}},
    }
    api = SimpleNamespace(inspect_container=lambda name: facts, logs=lambda *a, **k: b"last words")
    return SimpleNamespace(api=api)


def test_a_process_that_this_machine_does_not_have() -> None:
    with pytest.raises(UnfitEnvironment, match="another machine") as caught:
        find_process(client_saying(Pid=2**22 + 1), "net", "id", "name")
    assert caught.value.reason is Reason.NO_DOCKER


def test_a_process_in_this_network_namespace_is_not_the_containers() -> None:
    with pytest.raises(UnfitEnvironment, match="another machine"):
        find_process(client_saying(Pid=os.getpid()), "net", "id", "name")


def test_a_namespace_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def refusing(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if str(path) == "/proc/1/ns/net":
            raise PermissionError(13, "Permission denied")
        return stat(path, *args, **options)

    monkeypatch.setattr("os.stat", refusing)
    with pytest.raises(UnfitEnvironment, match="may not be read") as caught:
        find_process(client_saying(Pid=1), "net", "id", "name")
    assert caught.value.reason is Reason.NO_PRIVILEGE
    assert "CAP_SYS_PTRACE" in str(caught.value.remedy)


def test_a_container_that_ended_before_it_was_looked_at() -> None:
    state = {"Running": False, "ExitCode": 7, "OOMKilled": True, "Error": "boom"}
    with pytest.raises(InvalidMeasurement, match="exited with code 7") as caught:
        find_process(client_saying(**state), "net", "id", "name")
    assert caught.value.reason is Reason.SERVICE_DIED
    assert "ran out of memory (boom)" in caught.value.message
    assert caught.value.log == "last words"
    assert "last words" not in caught.value.message


@pytest.mark.parametrize(
    ("noticed", "words"),
    [
        (True, "killed because it ran out of memory"),
        (False, "SIGKILL: it ran out of memory unseen"),
    ],
)
def test_docker_may_notice_a_lack_of_memory_late_or_never(
    monkeypatch: pytest.MonkeyPatch, noticed: bool, words: str
) -> None:
    monkeypatch.setattr("socklat_gate.service.death.SETTLE_S", 0.2)
    states = [{"Running": False, "ExitCode": 137, "OOMKilled": False}]
    states.append({**states[0], "OOMKilled": noticed})
    client = client_saying(**states[-1])
    inspect = client.api.inspect_container
    client.api.inspect_container = lambda name: (
        {**inspect(name), "State": states.pop(0)} if len(states) > 1 else inspect(name)
    )
    assert words in death_error(client, "id", "name").message


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("Bind for 127.0.0.1:80 failed: port is already allocated", Reason.PORT_TAKEN),
        ("listen tcp4 127.0.0.1:80: bind: address already in use", Reason.PORT_TAKEN),
        ('exec: "x": executable file not found in $PATH', Reason.SERVICE_DIED),
    ],
)
def test_refusals_by_docker(why: str, reason: Reason) -> None:
    error = start_error("name", why)
    assert error.reason is reason
    assert why in error.message


def test_when_a_process_was_made_is_known_to_a_tick() -> None:
    before_ns = time.monotonic_ns()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as made:
        after_ns = time.monotonic_ns()
        start = start_ticks(made.pid)
        assert start is not None
        process = ContainerProcess("id", "a", made.pid, start, 1, "10.0.0.2")
        made.communicate(b"\n")
    tick_ns = 1e9 / os.sysconf("SC_CLK_TCK")
    assert before_ns - 1.5 * tick_ns < process.started_ns() < after_ns + 1.5 * tick_ns


def test_a_start_is_timed_from_its_own_order_on() -> None:
    process = ContainerProcess("id", "a", 1, 100, 1, "10.0.0.2")
    ready_ns = process.started_ns() + 400_000_000
    first, second = (ReadyMoment(ready_ns, attempt) for attempt in (1, 2))
    alone = PlacedContainer("id", "a", "net", ordered_ns=ready_ns - 700_000_000)
    assert startup_ns(process, alone, first) == 700_000_000
    of_stack = PlacedContainer("id", "a", "net")
    assert startup_ns(process, of_stack, second) == pytest.approx(400_000_000, abs=1_000_000)
    # Ready before the stack's command returned: since when is not known, and so it never passes.
    assert startup_ns(process, of_stack, first) == 0
