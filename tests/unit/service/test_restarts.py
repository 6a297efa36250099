from __future__ import annotations

import time
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, UnfitEnvironment
from socklat_gate.service import restarts as module
from socklat_gate.service.restarts import find_restarted, restarts, wait_running

RUNS = {"Running": True, "Pid": 7}
WAITS = {"Running": True, "Restarting": True, "Pid": 0, "ExitCode": 1}
OVER = {"Running": False, "Pid": 0, "ExitCode": 1}


class Daemon:
    """Answers with one state after the other, and stays at the last."""

    def __init__(self, *states: dict[str, Any], **facts: Any) -> None:
        self.states, self.facts = list(states), facts
        self.api = self

    def inspect_container(self, _container: str) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"State": state, **self.facts}

    def logs(self, _container: str, **_options: Any) -> bytes:
        return b"no db"


def found(monkeypatch: pytest.MonkeyPatch, daemon: Daemon, outcome: object) -> object:
    def find(*_arguments: object, **_options: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "find_process", find)
    return find_restarted(daemon, "n", "a", "api")  # type: ignore[arg-type]


def test_it_is_found_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, Daemon(RUNS), "the process") == "the process"
    assert found(monkeypatch, Daemon(WAITS), "the process") is None


def test_one_that_is_started_no_more_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidMeasurement, match="exited with code 1") as raised:
        found(monkeypatch, Daemon(OVER), "the process")
    assert raised.value.log == "no db"


def test_one_that_ends_while_it_is_looked_at_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = UnfitEnvironment(module.Reason.NO_DOCKER, "elsewhere")
    assert found(monkeypatch, Daemon(RUNS, WAITS), gone) is None
    with pytest.raises(UnfitEnvironment):
        found(monkeypatch, Daemon(RUNS, RUNS), gone)


def test_it_is_waited_for_so_long_and_no_longer() -> None:
    daemon: Any = Daemon(WAITS)
    tries: list[Any] = [None, None, "it"]
    assert wait_running(daemon, "a", "api", lambda: tries.pop(0), 5) == "it"
    with pytest.raises(InvalidMeasurement, match=r"again and again for 0\.05 s") as raised:
        wait_running(daemon, "a", "api", lambda: None, 0.05)
    assert raised.value.log == "no db"


@pytest.mark.parametrize("digits", ["", ".5", ".123456789"])
def test_how_often_and_since_when(digits: str) -> None:
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
    daemon: Any = Daemon(RUNS, RestartCount=4, Created=f"{second}{digits}Z")
    times, created_ns = restarts(daemon, "a", "api")
    assert times == 4
    assert 58e9 < time.monotonic_ns() - created_ns < 62e9
