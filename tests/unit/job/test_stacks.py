from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from socklat_gate.job.stacks import trace_companions
from socklat_gate.load.load_driver import Window
from socklat_gate.measured.histogram import Histogram
from socklat_gate.service.arm import Companion


class FakeProbe:
    def __init__(self, targets: int) -> None:
        self.targets = targets
        self.watched: dict[int, tuple[int, ...]] = {}
        self.windows: dict[int, tuple[int, int]] = {}

    def watch(self, slot: int, netns_inode: int, *ports: int) -> None:
        assert slot < self.targets
        self.watched[slot] = (netns_inode, *ports)

    def record_between(
        self, slot: int, from_ns: int, to_ns: int, spike_ns: int, log_mask: int
    ) -> None:
        assert spike_ns == 0
        assert log_mask & (log_mask + 1) == 0  # all ones
        self.windows[slot] = (from_ns, to_ns)

    def read(self, slot: int) -> Any:
        served = Histogram.of([1000 * slot] * 5) if slot != 3 else Histogram.empty()
        return SimpleNamespace(histograms={"response": served})


def arm(first: int, *names: str) -> Any:
    found = tuple(Companion(name, first + at, (5432,)) for at, name in enumerate(names))
    return SimpleNamespace(companions=found)


def test_companions_get_the_slots_after_the_arms_and_are_recorded_with_them() -> None:
    probe: Any = FakeProbe(16)
    companions = trace_companions(probe, [arm(10, "db", "worker"), arm(20, "db", "worker")])
    assert probe.watched == {2: (10, 5432), 3: (11, 5432), 4: (20, 5432), 5: (21, 5432)}
    companions.record(probe, Window(0, 5, 9))
    assert probe.windows == dict.fromkeys(range(2, 6), (5, 9))
    assert list(companions.histograms_of(probe, 0)) == ["db"]  # the worker served nothing
    assert companions.histograms_of(probe, 1)["worker"].total == 5


def test_without_room_both_arms_have_the_same_ones() -> None:
    probe: Any = FakeProbe(6)
    companions = trace_companions(probe, [arm(10, "a", "b", "c"), arm(20, "a", "b", "c")])
    assert sorted(name for _, name in companions.slots) == ["a", "a", "b", "b"]
    assert companions.left_out == 2


def test_slots_of_others_are_not_taken() -> None:
    probe: Any = FakeProbe(8)
    companions = trace_companions(probe, [arm(10, "a", "b", "c"), arm(20, "a", "b", "c")], 2)
    assert sorted(probe.watched) == [2, 3, 4, 5]
    assert companions.left_out == 2


def test_single_containers_have_none() -> None:
    probe: Any = FakeProbe(4)
    companions = trace_companions(probe, [arm(10), arm(20)])
    assert (dict(companions.slots), companions.left_out) == ({}, 0)
