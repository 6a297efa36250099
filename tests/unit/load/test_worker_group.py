"""Several workers are spoken with as one."""

from __future__ import annotations

from collections import deque

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.worker_group import WorkerGroup


class Clock:
    now_s = 100.0

    def now_ns(self):
        return round(self.now_s * 1e9)


class Scripted:
    """A worker that says ``events``; None is silence for as long as it is waited."""

    def __init__(self, clock, *events, pid=None):
        self.clock = clock
        self.events = deque(events)
        self.pid = pid
        self.calls = []

    def begin(self, pass_fds=()):
        self.calls.append(("begin", tuple(pass_fds)))

    def send(self, **message):
        self.calls.append(("send", message))

    def receive(self, within_s):
        event = self.events.popleft() if self.events else None
        if event is None:
            self.clock.now_s += within_s
        if event == "ended":
            raise self.failure("ended early")
        return event

    def failure(self, what):
        return InvalidMeasurement(Reason.LOAD_DRIVER_FAILED, f"worker {self.pid} {what}")

    def terminate(self):
        self.calls.append("terminate")

    def close(self):
        self.calls.append("close")


def group_of(*scripts):
    clock = Clock()
    workers = [Scripted(clock, *script, pid=10 + at) for at, script in enumerate(scripts)]
    group = WorkerGroup(workers, clock.now_ns)
    group.deadline_s = clock.now_s + 5.0
    return group, workers, clock


def test_messages_come_from_whoever_has_one():
    group, _, _ = group_of([None, {"n": 1}, {"n": 3}], [{"n": 2}])
    group.expect()
    assert [group.receive() for _ in range(3)] == [(1, {"n": 2}), (0, {"n": 1}), (0, {"n": 3})]


def test_nobody_is_heard_who_has_finished_or_has_nothing_to_say_yet():
    group, _, _ = group_of(["ended"], [{"n": 1}])
    group.expect([1])
    assert group.receive() == (1, {"n": 1})
    group.finished(1)
    assert not group.awaited


def test_the_end_of_one_is_seen_while_others_are_silent():
    group, _, clock = group_of([], [], [None, "ended"])
    group.expect()
    with pytest.raises(InvalidMeasurement, match="worker 12 ended early"):
        group.receive()
    assert clock.now_s < 100.5


def test_what_has_come_is_taken_without_waiting():
    group, _, clock = group_of([{"n": 1}], [None, {"n": 2}], [{"n": 3}])
    begun_s = clock.now_s
    assert group.receive_now() is None
    group.expect([0, 1])
    assert group.receive_now() == (0, {"n": 1})
    assert group.receive_now() is None
    assert group.receive_now() == (1, {"n": 2})
    assert clock.now_s == begun_s


def test_the_end_of_one_is_seen_without_waiting_too():
    group, _, _ = group_of([], ["ended"])
    group.expect()
    with pytest.raises(InvalidMeasurement, match="worker 11 ended early"):
        group.receive_now()


def test_whoever_is_late_is_named():
    group, _, _ = group_of([{"n": 1}], [])
    group.expect()
    at, _ = group.receive()
    group.finished(at)
    with pytest.raises(InvalidMeasurement, match="worker 11 did not finish in time"):
        group.receive()


def test_poll_is_called_ten_times_a_second_however_many_there_are():
    group, _, clock = group_of([], [], [])
    group.expect()
    polled = []
    with pytest.raises(InvalidMeasurement, match="in time"):
        group.receive(lambda: polled.append(clock.now_s))
    assert len(polled) == pytest.approx(51, abs=1)


def test_each_gets_a_descriptor_of_its_own():
    group, workers, _ = group_of([], [])
    group.begin([7, 8])
    assert [worker.calls for worker in workers] == [[("begin", (7,))], [("begin", (8,))]]
    assert group.pids() == (10, 11)


def test_all_are_ended_whatever_one_does(monkeypatch):
    group, workers, _ = group_of([], [], [])

    def broken():
        raise OSError("no such file")

    monkeypatch.setattr(workers[1], "close", broken)
    with pytest.raises(OSError, match="no such file"):
        group.close()
    assert workers[0].calls == workers[2].calls == ["terminate", "close"]
