"""Hands what the probe logs to whoever watches a slot: a ring can be emptied by one reader only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np

from socklat_gate.measured.records import EXCHANGE, STALL, Records

__all__ = ["LogFeed", "LogFeeds"]

Drained = tuple[Records, Records]


class LogFeed:
    """What is logged from now on of some slots' exchanges, and every stall."""

    def __init__(self, slots: Collection[int], fetch: Callable[[], object]) -> None:
        self.slots = frozenset(slots)
        self._fetch = fetch
        self._exchanges: list[Records] = []
        self._stalls: list[Records] = []

    def drain(self) -> Drained:
        """Exchanges (`EXCHANGE`) and stalls (`STALL`) since the last call, not in order.

        To be called several times a second, by whichever reader: rows of the others wait for them.
        """
        self._fetch()
        drained = (
            np.concatenate([np.zeros(0, EXCHANGE), *self._exchanges]),
            np.concatenate([np.zeros(0, STALL), *self._stalls]),
        )
        self._exchanges.clear()
        self._stalls.clear()
        return drained

    def put(self, exchanges: Records, stalls: Records) -> None:
        """Keeps what is this feed's of what came from the rings."""
        own = exchanges[np.isin(exchanges["target"], list(self.slots))]
        if own.size:
            self._exchanges.append(own)
        if stalls.size:
            self._stalls.append(stalls)


class LogFeeds:
    """The open feeds; ``take`` empties the probe's rings."""

    def __init__(self, take: Callable[[], Drained]) -> None:
        self._take = take
        self._open: list[LogFeed] = []

    def drain(self) -> Drained:
        """Empties the rings, gives each feed its part, and returns all of it."""
        exchanges, stalls = self._take()
        for feed in self._open:
            feed.put(exchanges, stalls)
        return exchanges, stalls

    def subscribe(self, slots: Iterable[int]) -> LogFeed:
        """A feed of what comes from now on.

        Raises `ValueError` when another one is open for any of these slots.
        """
        feed = LogFeed(list(slots), self.drain)
        for other in self._open:
            if taken := feed.slots & other.slots:
                raise ValueError(f"the log of slots {sorted(taken)} has a reader")
        self.drain()  # what was before is not this feed's
        self._open.append(feed)
        return feed

    def close(self, feed: LogFeed) -> None:
        """Nothing comes to the feed any more; harmless when called twice."""
        self._open = [one for one in self._open if one is not feed]

    def end(self, slot: int) -> None:
        """The slot gets another owner, or none: whoever reads its log is done."""
        for feed in [one for one in self._open if slot in one.slots]:
            self.close(feed)
