from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate import doctor
from socklat_gate.doctor import Check, Status, diagnose
from socklat_gate.errors import Exit, Interrupted, Reason, UnfitEnvironment
from socklat_gate.measured.pair import Noise
from socklat_gate.probe.hook_table import EVENTS


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: object, **options: object) -> Any:
        raise error

    return fail


MISSING = UnfitEnvironment(Reason.NO_DOCKER, "it is not here", remedy="install it")


class Probe:
    """Attaches everything at once."""

    def __init__(self, detail: str, stalls: bool) -> None:
        assert detail == "full"
        self.hooks = {event.name: "its first hook" for event in EVENTS}
        self.typed = True

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *args: object) -> None:
        pass


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which everything works."""
    docker = SimpleNamespace(
        version=lambda: {"Version": "27.1", "ApiVersion": "1.46"},
        info=lambda: {"DefaultRuntime": "runc"},
        close=lambda: None,
    )
    monkeypatch.setattr(doctor, "check_privilege", lambda: None)
    monkeypatch.setattr(doctor, "kernel_types", lambda: None)
    monkeypatch.setattr(doctor, "load_bcc", lambda: SimpleNamespace(__file__="/x/bcc/a.py"))
    monkeypatch.setattr(doctor, "SocketProbe", Probe)
    monkeypatch.setattr(doctor, "connect", lambda: docker)
    builder = SimpleNamespace(name="the classic builder", lacks="DOCKER_BUILDKIT=0 is set")
    monkeypatch.setattr(doctor, "builder_of", lambda client: builder)
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda pid: {0, 1, 2})
    meter = SimpleNamespace(stop=lambda: Noise(0.01, 0.2, None, 0.5))
    monkeypatch.setattr(doctor, "NoiseMeter", lambda: meter)
    return monkeypatch


def checks() -> dict[str, Check]:
    return {check.name: check for check in diagnose(lambda seconds: None)}


def test_a_fit_machine_has_no_failed_check(machine: pytest.MonkeyPatch) -> None:
    found = checks()
    assert {check.status for name, check in found.items() if name != "clock source"} == {Status.OK}
    assert {f"hook {event.name}" for event in EVENTS} <= set(found)
    assert found["Docker"].found == "27.1 responds (API 1.46)"
    assert found["builder"].found == "the classic builder: DOCKER_BUILDKIT=0 is set"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("check_privilege", "privileges"),
        ("kernel_types", "BTF"),
        ("load_bcc", "BCC"),
        ("SocketProbe", "hooks"),
        ("connect", "Docker"),
        ("builder_of", "builder"),
    ],
)
def test_what_is_missing_fails_its_own_line_only(
    machine: pytest.MonkeyPatch, function: str, name: str
) -> None:
    machine.setattr(doctor, function, raising(MISSING))
    failed = [check for check in checks().values() if check.status is Status.FAIL]
    assert failed == [Check(name, Status.FAIL, "it is not here", "install it")]


@pytest.mark.parametrize("function", ["connect", "SocketProbe"])
def test_a_signal_is_no_finding(machine: pytest.MonkeyPatch, function: str) -> None:
    machine.setattr(doctor, function, raising(Interrupted(Exit.SIGINT)))
    with pytest.raises(Interrupted):
        checks()


def test_one_cpu_and_a_greedy_hypervisor_are_warnings(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(doctor.os, "sched_getaffinity", lambda pid: {0})
    meter = SimpleNamespace(stop=lambda: Noise(0.3, 0.9, None, 4.0))
    machine.setattr(doctor, "NoiseMeter", lambda: meter)
    found = checks()
    assert found["CPUs"].status is found["steal"].status is Status.WARN
    assert "service and load share one CPU" in found["CPUs"].remedy
    assert "30.0%" in found["steal"].found
    assert found["steal"].remedy


def test_two_cpus_are_one_queue_for_both_arms(machine: pytest.MonkeyPatch) -> None:
    assert checks()["CPUs"].found == "3: each arm of a pair gets its own"
    machine.setattr(doctor.os, "sched_getaffinity", lambda pid: {0, 1})
    found = checks()["CPUs"]
    assert found.status is Status.WARN
    assert "p90 and p99 have waits behind the other in them" in found.remedy


@pytest.mark.parametrize(
    ("mounted", "uid", "found", "remedy"),
    [
        (False, 0, "tracefs, which is not mounted", "mount -t tracefs tracefs /sys/kernel/tracing"),
        (True, 1000, "tracefs, which is root's", "run as root"),
        (True, 0, "none of its 3 hooks", "nothing to do"),
    ],
)
def test_a_tracefs_that_is_missing_is_named_with_its_mount(
    machine: pytest.MonkeyPatch, mounted: bool, uid: int, found: str, remedy: str
) -> None:
    class WithoutAccept(Probe):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            del self.hooks["accept"], self.hooks["read"]

    machine.setattr(doctor, "SocketProbe", WithoutAccept)
    machine.setattr(doctor, "tracefs_is_mounted", lambda: mounted)
    machine.setattr(doctor.os, "geteuid", lambda: uid)
    accept, read = (checks()[f"hook {name}"] for name in ("accept", "read"))
    assert (accept.status, read.status) == (Status.WARN, Status.WARN)
    assert found in accept.found
    assert remedy in accept.remedy
    assert "accept_wait will be shown as not measured" in accept.remedy
    assert "tracefs" not in read.found  # it has no hook there


@pytest.mark.parametrize(("source", "status"), [("tsc", Status.OK), ("hpet", Status.WARN)])
def test_the_clock_source(machine: pytest.MonkeyPatch, source: str, status: Status) -> None:
    machine.setattr(Path, "exists", lambda path: True)
    machine.setattr(Path, "read_text", lambda path, encoding: f"{source}\n")
    check = doctor._clock()
    assert (check.status, check.found) == (status, source)
