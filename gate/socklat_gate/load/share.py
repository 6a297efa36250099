"""Which requests of a schedule each of several load workers sends.

All workers make the same schedule; each sends its share of it, over its share of the connections.
Of each arm the connections are numbered, and the k-th request of an arm has the connection number
k modulo `load.connections`: where none has to wait this is the one that a single process would use,
which takes its idle connections in turn.  Connection c belongs to worker c modulo the number of
workers.  So every connection gets as much as with one process and as evenly spaced, whether or not
the connections can be divided evenly, and what each worker does to one arm it does to the other.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.load.bounds import max_connections_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socklat_gate.load.schedule import Schedule
    from socklat_gate.scenario import Load

__all__ = ["Portion", "Share"]


@dataclass(frozen=True, slots=True)
class Share:
    """That of ``worker`` (from 0) of so many ``workers``, by ``connections`` of all per arm."""

    worker: int
    workers: int
    connections: int

    def part_of(self, many: int) -> int:
        """How many of ``many`` connections are this worker's."""
        return len(range(self.worker, many, self.workers))

    def limits(self, load: Load) -> dict[str, int]:
        """This worker's keys of ``load``, which is the whole."""
        return {
            "connections": self.part_of(load.connections),
            "max_connections": self.part_of(max_connections_of(load)),
        }

    def numbers(self, schedule: Schedule) -> npt.NDArray[np.uint32]:
        """Indices of this worker's requests in ``schedule``, ascending."""
        mine = np.zeros(schedule.arm.size, dtype=bool)
        for arm in np.unique(schedule.arm):
            of_arm = np.flatnonzero(schedule.arm == arm)
            connection = np.arange(of_arm.size) % self.connections
            mine[of_arm] = connection % self.workers == self.worker
        return np.flatnonzero(mine).astype(np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """What one worker sends of a schedule: the requests of ``schedule``, in its order.

    ``numbers`` are their indices in the whole one (None: it is the whole), of which each arm gets
    ``of_all`` requests.
    """

    schedule: Schedule
    of_all: tuple[int, ...]
    numbers: Sequence[int] | None = None

    @classmethod
    def of(cls, whole: Schedule, arms: int, share: Share | None) -> Portion:
        """That of a worker with this ``share``; all of it where there is only one worker."""
        of_all = tuple(np.bincount(whole.arm, minlength=arms).tolist())
        if share is None:
            return cls(whole, of_all)
        numbers = share.numbers(whole)
        own = replace(
            whole,
            offsets_ns=whole.offsets_ns[numbers],
            arm=whole.arm[numbers],
            kind=whole.kind[numbers],
        )
        return cls(own, of_all, array("I", numbers.tobytes()))
