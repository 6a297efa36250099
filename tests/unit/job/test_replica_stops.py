from __future__ import annotations

from typing import Any

import numpy as np

from socklat_gate.job.counter_reader import Sample
from socklat_gate.job.recent_stalls import RecentStalls
from socklat_gate.job.replica_stops import MOST, ReplicaStops
from socklat_gate.measured.records import CAUSES, STALL
from socklat_gate.service.container_counters import Counters
from tests.unit.watches import make_stop_spike

MS, S = 10**6, 10**9


class Ring:
    """A CPU all the while, looked at every 100 ms for so long."""

    def __init__(self, seconds: int = 10) -> None:
        self.looks = range(0, seconds * S, 100 * MS)

    def samples(self) -> Any:
        return [Sample(at_ns, Counters(at_ns, 0, 0)) for at_ns in self.looks]


def stops(ring: Any = None) -> ReplicaStops:
    return ReplicaStops(ring or Ring(), frozenset({0, 1}))


def stalls(*rows: tuple[int, int, int, str]) -> RecentStalls:
    """CPU, begin and end (ms), cause."""
    found = RecentStalls()
    records = np.zeros(len(rows), STALL)
    for record, (cpu, begin, end, cause) in zip(records, rows, strict=True):
        record["cpu"], record["cause"] = cpu, CAUSES.index(cause)
        record["from_ns"], record["to_ns"] = begin * MS, end * MS
    found.take(records)
    return found


def test_it_is_known_once_a_look_after_the_stop_has_come() -> None:
    found = stops()
    found.add(make_stop_spike(2 * S, 800 * MS))
    found.settle(3 * S, RecentStalls())
    assert found.uses == ()
    found.settle(4 * S, RecentStalls())
    (use,) = found.uses
    assert (use.from_ns, use.to_ns, use.cpu_ns) == (2 * S, 2_800 * MS, 800 * MS)
    found.settle(5 * S, RecentStalls())
    assert len(found.uses) == 1


def test_of_exchanges_at_the_same_time_the_longest_tells() -> None:
    found = stops()
    for begin, length in ((2_200, 600), (2_000, 800), (2_400, 400), (3_500, 500), (2_600, 199)):
        found.add(make_stop_spike(begin * MS, length * MS))
    found.settle(9 * S, RecentStalls())
    assert [use.length_ns for use in found.uses] == [800 * MS, 500 * MS]
    # One that was logged later than those after it.
    found.add(make_stop_spike(1 * S, 300 * MS))
    found.settle(9 * S, RecentStalls())
    assert [use.length_ns for use in found.uses] == [300 * MS, 800 * MS, 500 * MS]
    found.keep_from(500 * MS)
    assert [use.length_ns for use in found.uses] == [800 * MS, 500 * MS]


def test_of_very_many_the_longest_stay() -> None:
    found = stops(Ring(MOST + 10))
    for at in range(MOST + 5):
        found.add(make_stop_spike(S + at * S, 300 * MS + at % 7 * 100 * MS))
    found.settle(2 * MOST * S, RecentStalls())
    assert MOST / 2 <= len(found.uses) <= MOST / 2 + 5
    lengths = [use.length_ns for use in found.uses]
    assert min(lengths[:-5]) >= 600 * MS
    begun = [use.rx_first_ns for use in found.uses]
    assert begun == sorted(begun)


def test_one_that_cannot_be_looked_at_has_none() -> None:
    found = ReplicaStops(None, frozenset())
    found.add(make_stop_spike(2 * S))
    found.settle(9 * S, RecentStalls())
    assert found.uses == ()


def test_what_the_hypervisor_had_is_told_for_all_cpus_and_for_one() -> None:
    found = stops()
    found.add(make_stop_spike(2 * S, 800 * MS))
    taken = stalls(
        (0, 1_900, 2_500, "late_tick"),
        (1, 2_300, 2_700, "steal"),
        (1, 2_600, 2_609, "steal"),
        (1, 2_000, 2_800, "interference"),
        (5, 2_000, 2_800, "steal"),
    )
    found.settle(9 * S, taken)
    (use,) = found.uses
    assert (use.stolen_ns, use.some_stolen_ns) == (200 * MS, 700 * MS)
