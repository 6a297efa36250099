"""Which network namespaces each slot of the probe follows: one of its own, or several together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from socklat_gate.probe.tables import Tables

__all__ = ["WatchedSlots"]

SEVERAL = 0
"""Owner of a slot that several namespaces share (``struct window``)."""
TOLD_APART_BY = 0xFFFF
"""The bits of an inode that the exchange log has."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """Inode -> ports that are served there; whether there may be several."""

    namespaces: Mapping[int, tuple[int, ...]]
    together: bool = False


class WatchedSlots:
    """Slots in use; ``tables`` are kept in step with them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._watched: dict[int, _Watched] = {}

    def watch(
        self, slot: int, netns_inode: int, ports: tuple[int, ...], *, shared: bool, apart: bool
    ) -> None:
        """Follow a namespace in an empty slot; see `SocketProbe.watch`."""
        self._leave_others(slot, [netns_inode])
        self._tables.set_window(slot, netns_inode)
        self._tables.set_target(netns_inode, slot, ports, shared=shared, apart=apart)
        self._watched[slot] = _Watched({netns_inode: ports})
        self._update_filter()

    def begin_together(self, slot: int) -> None:
        """Make an empty slot one that several namespaces can share.

        Nothing in the kernel would keep connections of its earlier owner out: they are removed.
        """
        self._tables.remove_connections(slot)
        self._tables.set_window(slot, SEVERAL)
        self._watched[slot] = _Watched({}, together=True)

    def add(self, slot: int, netns_inodes: Collection[int], ports: tuple[int, ...]) -> None:
        """Follow further namespaces in a slot that is shared.

        Raises `ValueError` when the log could not tell them apart.
        """
        known = {**self._watched[slot].namespaces, **dict.fromkeys(netns_inodes, ports)}
        if len({inode & TOLD_APART_BY for inode in known}) < len(known):
            raise ValueError(f"two namespaces of slot {slot} have inodes with the same last bits")
        self._leave_others(slot, netns_inodes)
        for inode in netns_inodes:
            self._tables.set_target(inode, slot, ports, shared=False, apart=True)
        self._watched[slot] = _Watched(known, together=True)
        self._update_filter()

    def is_empty(self, slot: int) -> bool:
        """Whether the slot follows nothing."""
        return slot not in self._watched

    def is_together(self, slot: int) -> bool:
        """Whether several namespaces can share the slot.  Raises `KeyError` for an empty one."""
        return self._watched[slot].together

    def owner(self, slot: int) -> int:
        """Inode of the namespace that the slot follows; `SEVERAL`.  Raises `KeyError` as above."""
        watched = self._watched[slot]
        return SEVERAL if watched.together else next(iter(watched.namespaces))

    def forget(self, slot: int) -> None:
        """Stop following the slot's namespaces; nothing for an empty slot."""
        watched = self._watched.pop(slot, None)
        if watched is not None:
            self._take_back(watched.namespaces)

    def leave(self, slot: int, netns_inodes: Collection[int]) -> None:
        """Stop following some of the namespaces that share a slot."""
        before = self._watched[slot].namespaces
        left = {inode: ports for inode, ports in before.items() if inode not in netns_inodes}
        self._watched[slot] = _Watched(left, together=True)
        self._take_back({inode: before[inode] for inode in before.keys() - left.keys()})

    def forget_all(self, but: Collection[int]) -> list[int]:
        """Stop following anything in slots other than these; gives the slots that were in use."""
        slots = [slot for slot in self._watched if slot not in but]
        for slot in slots:
            self.forget(slot)
        return slots

    def _leave_others(self, slot: int, netns_inodes: Collection[int]) -> None:
        """An inode that shares another slot is used anew: its namespace there has gone."""
        for other, watched in list(self._watched.items()):
            if other != slot and watched.together:
                self.leave(other, netns_inodes)

    def _take_back(self, namespaces: Mapping[int, tuple[int, ...]]) -> None:
        for inode, ports in namespaces.items():
            # Two targets on the host's own network share its entry.
            shared = any(inode in watched.namespaces for watched in self._watched.values())
            self._tables.remove_target(inode, ports, keep_namespace=shared)
        self._update_filter()

    def _update_filter(self) -> None:
        self._tables.set_watched(
            inode for watched in self._watched.values() for inode in watched.namespaces
        )
