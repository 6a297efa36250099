from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import interruptible
from socklat_gate.trace import polling as module
from socklat_gate.trace.lifetime import Lifetime
from socklat_gate.trace.polling import poll_until
from socklat_gate.trace.snapshot import Snapshot
from tests.unit.trace.snapshots import snapshot


class Clock(Lifetime):
    """Time that passes only by waiting, and by what a snapshot takes."""

    def __init__(self, ends_s: float = 1e9) -> None:
        self.now_s = 0.0
        self._ends_s = ends_s

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, at_most_s: float) -> bool:
        self.now_s = min(self.now_s + max(0.0, at_most_s), max(self.now_s, self._ends_s))
        return self.now_s >= self._ends_s


@pytest.fixture
def snapshots_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Seconds at which there was a snapshot; `takes_s` each, and as many as somebody reads."""

    def run(clock: Clock, takes_s: float = 0.0, read: int = 1_000, **options: float) -> list[float]:
        monkeypatch.setattr(module, "time", clock)
        found: list[float] = []

        def one() -> Snapshot:
            found.append(round(clock.now_s, 6))
            clock.now_s += takes_s
            return snapshot()

        poll_until(one, lambda _: len(found) < read, clock, **options)
        return found

    return run


def test_snapshots_are_taken_at_regular_times_however_long_one_takes(snapshots_at: Any) -> None:
    times = snapshots_at(Clock(), takes_s=0.25, interval_s=1.0, duration_s=4.5)
    assert times == [1, 2, 3, 4]


def test_the_last_snapshot_is_left_to_the_caller(snapshots_at: Any) -> None:
    assert snapshots_at(Clock(), interval_s=1.0, duration_s=2.0) == [1]
    assert snapshots_at(Clock(), interval_s=5.0, duration_s=2.0) == []


def test_what_a_slow_reader_made_late_is_not_caught_up(snapshots_at: Any) -> None:
    times = snapshots_at(Clock(), takes_s=3.0, interval_s=1.0, duration_s=9.5)
    assert times == [1, 4, 7]


def test_it_ends_with_the_target_and_takes_no_more_snapshots(snapshots_at: Any) -> None:
    clock = Clock(ends_s=2.5)
    assert snapshots_at(clock, interval_s=1.0) == [1, 2]
    assert clock.now_s == 2.5


def test_it_ends_when_nobody_reads_it(snapshots_at: Any) -> None:
    assert snapshots_at(Clock(), read=3, interval_s=1.0) == [1, 2, 3]


def test_a_signal_waits_until_a_snapshot_is_rendered() -> None:
    shown: list[str] = []

    def render(_: Snapshot) -> bool:
        shown.append("first half")
        os.kill(os.getpid(), signal.SIGINT)
        shown.append("second half")
        return True

    with pytest.raises(Interrupted), interruptible(), Lifetime(0) as lifetime:
        poll_until(snapshot, render, lifetime, interval_s=0.01)
    assert shown == ["first half", "second half"]
