from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import Any

import pytest

from socklat_gate.job import counter_reader as module
from socklat_gate.job.counter_reader import KEPT, TORN_NS, CounterReader, CounterRing
from socklat_gate.service.container_counters import Counters

MS = 10**6


class Container:
    """Counts looks; does what it is told at the next one."""

    def __init__(self) -> None:
        self.looks = self.closed = 0
        self.then: Callable[[], object] = lambda: None

    def read(self) -> Counters | None:
        self.looks += 1
        return None if self.then() == "gone" else Counters(self.looks)

    def close(self) -> None:
        self.closed += 1


def ring_of(container: Any) -> CounterRing:
    return CounterRing(container)


@pytest.fixture
def container() -> Container:
    return Container()


def test_samples_are_the_last_ones_in_the_order_of_time(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = count()  # by the real one, a busy machine tears a look now and then
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: next(now))
    ring = ring_of(container)
    for _ in range(KEPT + 10):
        ring.look()
    counted = [one.counters.cpu_ns for one in ring.samples()]
    assert counted == list(range(11, KEPT + 11))
    assert [one.at_ns for one in ring.samples()] == sorted(one.at_ns for one in ring.samples())


def test_a_look_in_which_the_reader_was_stopped_is_left_out(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0

    def stopped() -> None:
        nonlocal now
        now += TORN_NS + 1

    monkeypatch.setattr(module.time, "monotonic_ns", lambda: now)
    ring = ring_of(container)
    ring.look()
    container.then = stopped
    ring.look()
    container.then = lambda: None
    ring.look()
    assert [one.counters.cpu_ns for one in ring.samples()] == [1, 3]


def test_one_that_is_gone_is_not_looked_at_again(container: Container) -> None:
    ring = ring_of(container)
    ring.look()
    container.then = lambda: "gone"
    ring.look()
    ring.look()
    assert (container.looks, container.closed, len(ring.samples())) == (2, 1, 1)


@pytest.fixture
def own_container(monkeypatch: pytest.MonkeyPatch, container: Container) -> Container:
    monkeypatch.setattr(module, "ContainerCounters", lambda pid: container)
    return container


def test_looks_go_on_until_the_end(own_container: Container) -> None:
    with closing(CounterReader()) as reader:
        ring = reader.follow(1)
        assert isinstance(ring, CounterRing)
        until_s = time.monotonic() + 10
        while len(ring.samples()) < 2 and time.monotonic() < until_s:
            time.sleep(0.01)
    assert len(ring.samples()) >= 2
    assert own_container.closed == 1
    looks = own_container.looks
    time.sleep(0.15)
    assert own_container.looks == looks


def test_those_that_are_left_are_looked_at_no_more(own_container: Container) -> None:
    with closing(CounterReader()) as reader:
        ring = reader.follow(1)
        assert isinstance(ring, CounterRing)
        reader.leave([ring])
        looks = own_container.looks
        reader.look()
        assert (own_container.looks, own_container.closed) == (looks, 1)


def test_what_cannot_be_counted_is_not_followed() -> None:
    """This process is in no control group of its own, or ended before."""
    with closing(CounterReader()) as reader:
        assert reader.follow(2**22 + 1) == "cgroup"
    before = len(os.listdir("/proc/self/fd"))
    with closing(CounterReader()) as reader:
        reader.follow(2**22 + 1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_machine_without_room_for_a_thread_goes_without(
    own_container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module.threading.Thread, "start", start)
    with closing(CounterReader()) as reader:
        assert reader.follow(1) == "thread"
        assert reader.follow(1) == "thread"
    assert own_container.closed == 2


@pytest.mark.parametrize(
    ("took_us", "every_ms"), [(100, 100), (1_000, 100), (1_600, 160), (9_000, 250)]
)
def test_looks_take_a_hundredth_of_a_cpu_at_most(
    took_us: int, every_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = CounterReader()
    monkeypatch.setattr(reader, "look", lambda: took_us * 1000)
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 1

    monkeypatch.setattr(reader._ending, "wait", wait)
    reader._run()
    assert waits == pytest.approx([0.1, every_ms / 1e3])
