"""The other containers of the arms' stacks: each gets a slot, is recorded, and read at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from socklat_gate.load.load_driver import Window
from socklat_gate.measured.histogram import Histogram
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.service.arm import RunningArm

__all__ = ["TracedCompanions", "trace_companions"]

NO_LOG = (1 << 31) - 1
"""Of so many exchanges one is logged: the log is for the arms."""


@dataclass(frozen=True, slots=True)
class TracedCompanions:
    """The other containers of the stacks: slots of those that are traced, and how many are not."""

    slots: Mapping[tuple[int, str], int]
    left_out: int

    def record(self, probe: SocketProbe, window: Window) -> None:
        """Records what arrives in the window."""
        for slot in self.slots.values():
            probe.record_between(slot, window.from_ns, window.to_ns, 0, NO_LOG)

    def histograms_of(self, probe: SocketProbe, arm: int) -> dict[str, Histogram]:
        """Distributions of ``response`` by container; only of those that served something."""
        found = {
            name: probe.read(slot).histograms["response"]
            for (of, name), slot in self.slots.items()
            if of == arm
        }
        return {name: histogram for name, histogram in found.items() if histogram.total}


def trace_companions(
    probe: SocketProbe, arms: Sequence[RunningArm], taken: int = 0
) -> TracedCompanions:
    """Gives the slots after those of the arms to their companions, to both arms alike.

    The last ``taken`` slots are somebody else's.
    """
    wanted = [(at, companion) for at, arm in enumerate(arms) for companion in arm.companions]
    each = (probe.targets - taken - len(arms)) // max(1, len(arms))
    slots: dict[tuple[int, str], int] = {}
    for at, companion in wanted:
        if sum(1 for arm, _ in slots if arm == at) >= each:
            continue
        slot = len(arms) + len(slots)
        probe.watch(slot, companion.netns_inode, *companion.ports)
        slots[at, companion.name] = slot
    return TracedCompanions(slots, len(wanted) - len(slots))
