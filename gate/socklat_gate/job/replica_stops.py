"""What a replica used during its slow exchanges, known a moment after each of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from socklat_gate.job.counter_reader import EVERY_NS, CounterRing
from socklat_gate.job.recent_stalls import RecentStalls
from socklat_gate.job.stop_use import INTERVALS, use_within
from socklat_gate.measured.run import Spike
from socklat_gate.measured.watch import StopUse

__all__ = ["ReplicaStops"]

SETTLED_NS = 1_000_000_000
"""After an exchange: a look has come by then, and the stalls that were in it."""

SHORTEST_NS = INTERVALS * EVERY_NS

MOST = 1000
"""Of a service that is never quick nearly every exchange is slow; the longest ones stay."""


@dataclass
class ReplicaStops:
    """Of a container that may use ``cpus``; ``ring`` has looks at it (None: there are none)."""

    ring: CounterRing | None
    cpus: Collection[int]
    _open: list[Spike] = field(default_factory=list)
    _uses: list[StopUse] = field(default_factory=list)

    @property
    def uses(self) -> tuple[StopUse, ...]:
        """Those that are known, oldest first; of exchanges at the same time the longest."""
        return tuple(sorted(self._uses, key=lambda use: use.rx_first_ns))

    def add(self, exchange: Spike) -> None:
        """A slow one; one that is too short for two looks is left out."""
        if self.ring is not None and exchange.length_ns >= SHORTEST_NS:
            self._open.append(exchange)

    def keep_from(self, length_ns: int) -> None:
        """Only those of exchanges that took so long."""
        self._uses = [one for one in self._uses if one.length_ns >= length_ns]

    def settle(self, now_ns: int, stalls: RecentStalls) -> None:
        """Finds what was used in exchanges that ended a while before ``now_ns``."""
        if self.ring is None or not self._open:
            return
        ready = [one for one in self._open if _end_ns(one) + SETTLED_NS <= now_ns]
        if not ready:
            return
        self._open = [one for one in self._open if _end_ns(one) + SETTLED_NS > now_ns]
        samples = self.ring.samples()
        for one in sorted(ready, key=lambda one: one.rx_first_ns):
            use = use_within(samples, one.rx_first_ns, _end_ns(one))
            if use is not None:
                all_ns, some_ns = stalls.stolen_ns(self.cpus, use.from_ns, use.to_ns)
                self._put(replace(use, stolen_ns=all_ns, some_stolen_ns=some_ns))

    def _put(self, use: StopUse) -> None:
        last = self._uses[-1] if self._uses else None
        if last is None or not _overlap(last, use):
            self._uses.append(use)
        elif use.length_ns > last.length_ns:
            self._uses[-1] = use
        if len(self._uses) > MOST:
            longest = sorted(self._uses, key=lambda use: use.length_ns)[MOST // 2 :]
            self._uses = sorted(longest, key=lambda use: use.rx_first_ns)


def _overlap(one: StopUse, other: StopUse) -> bool:
    first, second = sorted((one, other), key=lambda use: use.rx_first_ns)
    return second.rx_first_ns <= first.rx_first_ns + first.length_ns


def _end_ns(one: Spike) -> int:
    return one.rx_first_ns + one.length_ns
