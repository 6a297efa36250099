from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from socklat_gate.probe.watched_slots import WatchedSlots


class Maps:
    """The kernel's maps as far as slots have a part in them."""

    def __init__(self) -> None:
        self.targets: dict[int, int] = {}
        self.services: dict[tuple[int, int], int] = {}
        self.owners: dict[int, int] = {}
        self.watched: set[int] = set()
        self.log: list[str] = []

    def set_window(self, slot: int, owner: int) -> None:
        self.log.append(f"window {slot}")
        self.owners[slot] = owner

    def remove_connections(self, slot: int) -> None:
        self.log.append(f"remove {slot}")

    def set_target(
        self, inode: int, slot: int, ports: Sequence[int], *, shared: bool, apart: bool
    ) -> None:
        assert not shared
        assert apart
        self.log.append(f"target {inode}")
        self.targets[inode] = slot
        self.services.update({(inode, port): slot for port in ports})

    def remove_target(self, inode: int, ports: Sequence[int], *, keep_namespace: bool) -> None:
        if not keep_namespace:
            del self.targets[inode]
        for port in ports:
            del self.services[inode, port]

    def set_watched(self, inodes: Iterable[int]) -> None:
        self.watched = set(inodes)


@pytest.fixture
def maps() -> Maps:
    return Maps()


@pytest.fixture
def slots(maps: Maps) -> WatchedSlots:
    tables: Any = maps
    return WatchedSlots(tables)


def watch(slots: WatchedSlots, slot: int, inode: int) -> None:
    slots.watch(slot, inode, (80,), shared=False, apart=True)


def test_several_namespaces_share_a_slot_and_more_can_join(maps: Maps, slots: WatchedSlots) -> None:
    slots.begin_together(2)
    slots.add(2, [10, 11], (80,))
    slots.add(2, [12], (81,))
    assert slots.is_together(2)
    assert slots.owner(2) == maps.owners[2] == 0
    assert maps.targets == {10: 2, 11: 2, 12: 2}
    assert maps.services == {(10, 80): 2, (11, 80): 2, (12, 81): 2}
    assert maps.watched == {10, 11, 12}
    # Whoever was there before is out before any window opens, and a namespace in after that.
    assert maps.log[:3] == ["remove 2", "window 2", "target 10"]
    slots.forget(2)
    assert (maps.targets, maps.services, maps.watched) == ({}, {}, set())
    assert slots.is_empty(2)


def test_one_of_them_can_leave(maps: Maps, slots: WatchedSlots) -> None:
    slots.begin_together(2)
    slots.add(2, [10, 11], (80,))
    slots.leave(2, [10, 99])
    assert (maps.targets, maps.watched) == ({11: 2}, {11})
    slots.leave(2, [11])
    assert maps.watched == set()
    assert slots.is_together(2)  # its window is still that of several


def test_an_inode_that_is_used_again_belongs_to_its_new_owner_alone(
    maps: Maps, slots: WatchedSlots
) -> None:
    slots.begin_together(2)
    slots.add(2, [10, 11], (80,))
    watch(slots, 0, 10)  # that replica has died, and a container of a pair has its number now
    assert maps.targets == {10: 0, 11: 2}
    slots.forget(0)
    assert maps.targets == {11: 2}
    assert maps.watched == {11}
    slots.begin_together(3)
    slots.add(3, [11], (80,))
    assert maps.targets == {11: 3}


def test_slots_of_the_fleet_outlive_a_pair_s(maps: Maps, slots: WatchedSlots) -> None:
    watch(slots, 0, 20)
    watch(slots, 1, 21)
    slots.begin_together(2)
    slots.add(2, [10], (80,))
    assert slots.forget_all(but=[2, 3]) == [0, 1]
    assert maps.targets == {10: 2}
    assert (slots.owner(2), slots.is_empty(0)) == (0, True)
    assert slots.forget_all(()) == [2]


def test_namespaces_that_the_log_cannot_tell_apart_are_refused(
    maps: Maps, slots: WatchedSlots
) -> None:
    slots.begin_together(2)
    slots.add(2, [0xF0000010], (80,))
    with pytest.raises(ValueError, match="same last bits"):
        slots.add(2, [0xF0010010], (80,))
    assert maps.watched == {0xF0000010}
    slots.add(2, [0xF0000010], (80,))  # the same one again
