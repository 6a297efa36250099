from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from socklat_gate.measured.histogram import BAND_COUNT, Histogram
from socklat_gate.measured.run import Bands, Spike
from socklat_gate.probe.reading import Reading
from socklat_gate.probe.traffic import Traffic
from socklat_gate.trace import snapshot as module
from socklat_gate.trace.snapshot import SLOWEST, Live
from tests.unit.trace.snapshots import counters, spike, target

BANDS = Bands((), np.zeros(BAND_COUNT, np.uint64), np.zeros((BAND_COUNT, 0), np.uint64))


class FakeProbe:
    """Gives prepared readings; ``asked`` has the calls that point it at something."""

    def __init__(self, *readings: Reading) -> None:
        self._readings = list(readings)
        self.asked: list[Any] = []
        self.thresholds_ns: list[int] = []

    def watch(self, slot: int, netns_inode: int, *ports: int, shared: bool, apart: bool) -> None:
        self.asked.append((slot, netns_inode, ports, shared, apart))

    def record_between(
        self, slot: int, from_ns: int, to_ns: int, spike_ns: int, traffic: Traffic
    ) -> None:
        assert from_ns < to_ns
        self.thresholds_ns.append(spike_ns)

    def read(self, slot: int) -> Reading:
        return self._readings.pop(0)

    def missed(self) -> int:
        return 3


def reading(
    length_ns: Sequence[int], spikes: Sequence[Spike] = (), drops: Any = None, **counts: int
) -> Reading:
    histograms = {"response": Histogram.of(length_ns), "depend": Histogram.empty()}
    found = counters(seen=len(length_ns), **counts)
    return Reading(histograms, BANDS, found, drops or {}, tuple(spikes))


def test_it_is_pointed_at_the_target_and_takes_everything_from_now_on() -> None:
    probe = FakeProbe()
    Live(probe, target(netns_inode=9, ports=(80, 81), shared=True))  # type: ignore[arg-type]
    assert probe.asked == [(0, 9, (80, 81), True, False)]
    assert probe.thresholds_ns == [1]


def test_a_snapshot_has_what_is_new_and_what_there_is_in_all() -> None:
    first, second = [1_000] * 5, [1_000] * 5 + [9_000] * 2
    probe = FakeProbe(
        reading(first, retransmits=1), reading(second, retransmits=1), reading(second)
    )
    live = Live(probe, target())  # type: ignore[arg-type]
    one, two, three = live.take_snapshot(), live.take_snapshot(), live.take_snapshot()
    assert one.recent == one.total
    assert (one.recent_counters["seen"], one.recent_counters["retransmits"]) == (5, 1)
    assert two.total["response"] == Histogram.of(second)
    assert two.recent["response"] == Histogram.of([9_000] * 2)
    assert (two.recent_counters["seen"], two.counters["seen"]) == (2, 7)
    assert two.recent_counters["retransmits"] == 0
    assert three.recent["response"].total == 0
    assert three.total["response"].total == 7
    assert two.elapsed_s >= two.interval_s >= 0
    assert two.missed == 3


def test_the_slowest_come_first_and_are_at_most_ten() -> None:
    spikes = [spike(length_ns) for length_ns in range(1_000, 1_020)]
    live = Live(FakeProbe(reading([1_000], spikes)), target())  # type: ignore[arg-type]
    slowest = live.take_snapshot().slowest
    assert [s.stages_ns["response"] for s in slowest] == list(range(1_019, 1_019 - SLOWEST, -1))


def test_every_exchange_is_sent_up_until_the_list_is_full_and_then_what_can_enter_it() -> None:
    usual = [1_000_000] * 1_000
    few = [spike(9_000_000)]
    slow = [spike(ns) for ns in range(5_000_000, 5_000_000 + SLOWEST)]
    probe = FakeProbe(reading([]), reading([9_000_000], few), reading(usual, slow), reading(usual))
    live = Live(probe, target())  # type: ignore[arg-type]
    for _ in range(3):
        live.take_snapshot()
    start, empty, one, tenth = probe.thresholds_ns
    assert (start, empty, one) == (1, 1, 1)
    assert tenth == 5_000_000
    live.take_snapshot()
    assert probe.thresholds_ns[-1] == tenth  # the budget is renewed, and it never sinks


def test_a_namespaces_own_counters_are_shown_since_the_start_and_kept_when_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    responses = [{"rtos": 5}, {"rtos": 5}, {"rtos": 9}, {}]
    monkeypatch.setattr(module, "network_counters", lambda pid: responses.pop(0))
    live = Live(FakeProbe(*[reading([1])] * 3), target(pid=7))  # type: ignore[arg-type]
    assert [live.take_snapshot().network for _ in range(3)] == [
        {"rtos": 0},
        {"rtos": 4},
        {"rtos": 4},
    ]


def test_a_shared_namespaces_counters_are_not_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "network_counters", lambda pid: pytest.fail("not to be asked"))
    live = Live(FakeProbe(reading([1])), target(pid=7, shared=True))  # type: ignore[arg-type]
    assert live.take_snapshot().network == {}


def test_drops_are_passed_on() -> None:
    probe = FakeProbe(reading([1], drops={"tcp_csum": 2}))
    assert Live(probe, target()).take_snapshot().drops == {"tcp_csum": 2}  # type: ignore[arg-type]
