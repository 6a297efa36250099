from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.measured.records import EXCHANGE, STALL, Records
from socklat_gate.probe.log_feeds import LogFeeds


class Rings:
    """What the kernel has logged and nobody has fetched."""

    def __init__(self) -> None:
        self.exchanges = np.zeros(0, EXCHANGE)
        self.stalls = np.zeros(0, STALL)

    def log(self, *targets: int, stalls: int = 0) -> None:
        more = np.zeros(len(targets), EXCHANGE)
        more["target"] = targets
        more["rx_first_ns"] = self.exchanges.size + np.arange(len(targets))
        self.exchanges = np.concatenate([self.exchanges, more])
        self.stalls = np.concatenate([self.stalls, np.zeros(stalls, STALL)])

    def take(self) -> tuple[Records, Records]:
        taken = self.exchanges, self.stalls
        self.__init__()  # type: ignore[misc] - empty again
        return taken


@pytest.fixture
def rings() -> Rings:
    return Rings()


def targets_of(records: Records) -> list[int]:
    return [int(target) for target in records["target"]]


def test_each_reader_gets_its_slots_whoever_empties_the_rings(rings: Rings) -> None:
    feeds = LogFeeds(rings.take)
    pair, fleet = feeds.subscribe([0, 1]), feeds.subscribe([2, 3])
    rings.log(0, 2, 1, 3, 3, stalls=2)
    exchanges, stalls = pair.drain()
    assert (targets_of(exchanges), stalls.size) == ([0, 1], 2)
    rings.log(2, 0)
    assert pair.drain()[0].size == 1
    exchanges, stalls = fleet.drain()
    assert (targets_of(exchanges), stalls.size) == ([2, 3, 3, 2], 2)
    assert [records.size for records in fleet.drain()] == [0, 0]
    assert (exchanges.dtype, stalls.dtype) == (EXCHANGE, STALL)


def test_between_pairs_nothing_is_lost_or_kept_for_nobody(rings: Rings) -> None:
    feeds = LogFeeds(rings.take)
    fleet, pair = feeds.subscribe([2, 3]), feeds.subscribe([0, 1])
    feeds.close(pair)
    feeds.close(pair)
    rings.log(0, 2, 1)
    assert targets_of(fleet.drain()[0]) == [2]
    following = feeds.subscribe([0, 1])  # a new pair
    assert following.drain()[0].size == 0
    rings.log(1, 3)
    assert targets_of(following.drain()[0]) == [1]
    assert targets_of(fleet.drain()[0]) == [3]
    assert pair.drain()[0].size == 0


def test_what_was_logged_before_is_not_a_new_reader_s_but_the_others(rings: Rings) -> None:
    feeds = LogFeeds(rings.take)
    fleet = feeds.subscribe([2])
    rings.log(0, 2, stalls=1)
    pair = feeds.subscribe([0])
    assert [records.size for records in pair.drain()] == [0, 0]
    assert [records.size for records in fleet.drain()] == [1, 1]


def test_a_slot_has_one_reader_until_it_has_another_owner(rings: Rings) -> None:
    feeds = LogFeeds(rings.take)
    first = feeds.subscribe([0, 1])
    with pytest.raises(ValueError, match=r"\[1\] has a reader"):
        feeds.subscribe([1, 2])
    feeds.end(5)
    feeds.end(1)
    second = feeds.subscribe([1, 2])
    rings.log(0, 1)
    assert first.drain()[0].size == 0
    assert second.drain()[0].size == 1


def test_whoever_empties_the_rings_himself_takes_nothing_from_the_readers(rings: Rings) -> None:
    feeds = LogFeeds(rings.take)
    fleet = feeds.subscribe([2])
    rings.log(0, 2, 1)
    assert targets_of(feeds.drain()[0]) == [0, 2, 1]
    assert targets_of(fleet.drain()[0]) == [2]
