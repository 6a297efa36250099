from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.service import companion_watch
from socklat_gate.service.companion_watch import CompanionWatch

RUNS = {"Running": True, "Pid": 7}
DONE = {"Running": False, "Pid": 0, "ExitCode": 0}
FAILED = {"Running": False, "Pid": 0, "ExitCode": 3}


class Daemon:
    """Containers by id, and the exit codes of those that ended and run again.

    ``later`` are states of one, each for one look, before that of ``states``; ``times`` is how
    often each was started again.
    """

    def __init__(self, **states: dict[str, Any]) -> None:
        self.states = states
        self.codes: list[int] = []
        self.later: dict[str, list[dict[str, Any]]] = {}
        self.times = 0
        self.api = self
        self.created = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}.123456789Z"

    def inspect_container(self, container: str) -> dict[str, Any]:
        coming = self.later.get(container)
        state = coming.pop(0) if coming else self.states[container]
        return {"State": state, "RestartCount": self.times, "Created": self.created}

    def events(self, **_options: Any) -> list[dict[str, Any]]:
        return [{"Actor": {"Attributes": {"exitCode": str(code)}}} for code in self.codes]

    def logs(self, container: str, **_options: Any) -> bytes:
        return f"log of {container}".encode()


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion_watch, "LEAST_PATIENCE_S", 0.3)
    monkeypatch.setattr(companion_watch, "PAUSE_S", 0.001)


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Start times of the processes that live."""
    living = {7: 1}
    monkeypatch.setattr(companion_watch, "start_ticks", living.get)
    return living


def watched(daemon: Daemon) -> CompanionWatch:
    watch = CompanionWatch(daemon)  # type: ignore[arg-type]
    watch.begin("candidate", [("db", "a")])
    return watch


def test_one_that_lives_or_has_done_its_work_is_well(ticks: dict[int, int]) -> None:
    daemon = Daemon(a=RUNS)
    watch = watched(daemon)
    watch.check()
    ticks.clear()
    daemon.states["a"] = DONE
    watch.check()
    watch.check()


def test_one_that_fails_while_it_is_measured_is_named(ticks: dict[int, int]) -> None:
    daemon = Daemon(a=RUNS)
    watch = watched(daemon)
    ticks.clear()
    daemon.states["a"] = FAILED
    with pytest.raises(InvalidMeasurement, match="db, in the stack of the candidate") as raised:
        watch.check()
    assert "code 3" in raised.value.message
    assert raised.value.log == "log of a"


@pytest.mark.parametrize(("code", "fails"), [(0, False), (1, True)])
def test_one_that_docker_starts_again_has_failed_by_its_code(
    ticks: dict[int, int], code: int, fails: bool
) -> None:
    daemon = Daemon(a=RUNS)
    watch = watched(daemon)
    ticks.clear()
    ticks[8] = 2
    daemon.states["a"], daemon.codes = {"Running": True, "Pid": 8}, [code]
    if fails:
        with pytest.raises(InvalidMeasurement):
            watch.check()
        return
    watch.check()
    daemon.states["a"] = FAILED  # which it asks only when the new process is gone
    watch.check()
    ticks.clear()
    with pytest.raises(InvalidMeasurement):
        watch.check()


@pytest.mark.parametrize("failed", [FAILED, {"Running": True, "Restarting": True, "Pid": 0}])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.usefixtures("ticks")
def test_what_failed_in_one_arm_only_makes_two_stacks(failed: dict[str, Any], first: bool) -> None:
    one, other = (failed, RUNS) if first else (RUNS, failed)
    watch = watched(Daemon(a=one, b=other))
    arm, where = ("candidate", "baseline") if first else ("baseline", "candidate")
    with pytest.raises(InvalidMeasurement, match=f"a stack of the {arm} and not in one of the"):
        watch.begin("baseline", [("db", "b")])
    assert where


AGAIN = {"Running": True, "Restarting": True, "Pid": 0}


@pytest.mark.parametrize("later", [AGAIN, {"Running": True, "Pid": 9}], ids=["pause", "short life"])
@pytest.mark.parametrize("first", [True, False])
def test_one_that_docker_starts_again_is_waited_for_in_either_arm(
    ticks: dict[int, int], monkeypatch: pytest.MonkeyPatch, later: dict[str, Any], first: bool
) -> None:
    """Each look finds another state: of a process as old as 9 nobody knows whether it stays."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK") // 10**9
    ticks[9] = now
    daemon = Daemon(a=RUNS, b=RUNS)
    daemon.times = 3
    daemon.later["a" if first else "b"] = [later] * 5
    looks: list[int] = []
    watch = CompanionWatch(daemon)  # type: ignore[arg-type]
    for arm, container in (("candidate", "a"), ("baseline", "b")):
        watch.begin(arm, [("web", container)], lambda: looks.append(1))
    assert looks
    watch.check()
    ticks.clear()
    daemon.states = {"a": FAILED, "b": FAILED}
    with pytest.raises(InvalidMeasurement, match="web, in the stack of the candidate"):
        watch.check()


@pytest.mark.usefixtures("ticks")
def test_one_that_never_comes_up_is_waited_for_once_and_alike_in_both() -> None:
    daemon = Daemon(a=AGAIN, b=AGAIN, c=RUNS)
    daemon.times = 9
    watch = CompanionWatch(daemon)  # type: ignore[arg-type]
    looks: list[int] = []
    watch.begin("candidate", [("web", "a")], lambda: looks.append(1))
    waited = len(looks)
    watch.begin("baseline", [("web", "b")], lambda: looks.append(1))
    assert 0 < waited == len(looks)
    watch.check()
    with pytest.raises(InvalidMeasurement, match="web failed in a stack of the candidate and not"):
        watch.begin("baseline", [("web", "c")])


@pytest.mark.usefixtures("ticks")
def test_what_failed_in_both_is_alike() -> None:
    watch = watched(Daemon(a=FAILED, b=FAILED, c=DONE))
    watch.begin("baseline", [("db", "b"), ("only-there", "c")])
    watch.check()
    watch.forget()
