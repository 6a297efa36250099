"""Which network namespace each slot of the probe follows."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.probe.tables import Tables

__all__ = ["WatchedSlots"]


@dataclass(frozen=True, slots=True)
class _Watched:
    netns_inode: int
    ports: tuple[int, ...]


class WatchedSlots:
    """Slots in use; ``tables`` are kept in step with them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._watched: dict[int, _Watched] = {}

    def watch(
        self, slot: int, netns_inode: int, ports: tuple[int, ...], *, shared: bool, apart: bool
    ) -> None:
        """Follow a namespace in an empty slot; see `SocketProbe.watch`."""
        self._tables.set_window(slot, netns_inode)
        self._tables.set_target(netns_inode, slot, ports, shared=shared, apart=apart)
        self._watched[slot] = _Watched(netns_inode, ports)
        self._update_filter()

    def netns_inode(self, slot: int) -> int:
        """Inode of the namespace that the slot follows.  Raises `KeyError` for an empty slot."""
        return self._watched[slot].netns_inode

    def forget(self, slot: int) -> None:
        """Stop following the slot's namespace; nothing for an empty slot."""
        watched = self._watched.pop(slot, None)
        if watched is None:
            return
        # Two targets on the host's own network share its entry.
        shared = any(w.netns_inode == watched.netns_inode for w in self._watched.values())
        self._tables.remove_target(watched.netns_inode, watched.ports, keep_namespace=shared)
        self._update_filter()

    def forget_all(self) -> None:
        """Stop following anything."""
        for slot in list(self._watched):
            self.forget(slot)

    def _update_filter(self) -> None:
        self._tables.set_watched(w.netns_inode for w in self._watched.values())
