"""Sends each request when it is due, whatever the answers do."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from time import monotonic_ns

from gate.campaign import LoadCounts
from gate.load.pool import Pool
from gate.load.record import SENT, WAITING, Record
from gate.load.schedule import make_schedule
from gate.load.timerfd import TimerFd
from gate.scenario import Load

__all__ = ["Driver"]

BATCH = 32
TICK_S = 0.1
PROGRESS_EVERY_NS = 1_000_000_000


class Driver:
    """One run: ``connect``, ``run`` and ``close``, once each, in that order."""

    def __init__(self, load: Load, endpoints: Sequence[tuple[str, int]], seed: int) -> None:
        self._timeout_ns = round(load.timeout_s * 1e9)
        schedule = make_schedule(load, len(endpoints), seed)
        self._record = Record(schedule, len(endpoints))
        self._pools = [
            Pool(load, self._record, arm, *endpoint) for arm, endpoint in enumerate(endpoints)
        ]
        self._timer = TimerFd()
        self._next = 0
        self._unsettled = 0

    async def connect(self) -> None:
        """Open all connections.  Raises `gate.load.pool.ConnectFailed`."""
        await asyncio.gather(*(pool.open() for pool in self._pools))

    async def run(self, start_ns: int, on_progress: Callable[[int, int], None]) -> list[LoadCounts]:
        """Drive the load from ``start_ns`` (CLOCK_MONOTONIC) on; counts by arm.

        ``on_progress(sent, answered)`` is called about once a second.
        """
        record = self._record
        record.begin(start_ns)
        # Nothing allocated from here on is worth a pause of the collector during the load.
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            if record.size:
                asyncio.get_running_loop().add_reader(self._timer.fd, self._on_due)
                self._timer.set(record.due_ns[0])
            reported_ns = start_ns
            while not self._settled():
                await asyncio.sleep(TICK_S)
                if monotonic_ns() - reported_ns >= PROGRESS_EVERY_NS:
                    reported_ns = monotonic_ns()
                    on_progress(record.sent, record.answered)
        finally:
            gc.enable()
            gc.unfreeze()
            self._stop_timer()
        return [record.counts(pool.arm) for pool in self._pools]

    async def close(self) -> None:
        """Close all connections."""
        self._stop_timer()
        await asyncio.gather(*(pool.close() for pool in self._pools))

    def _on_due(self) -> None:
        record = self._record
        due_ns, woke_ns, arm, pools = record.due_ns, record.woke_ns, record.arm, self._pools
        at = self._next
        # A bounded batch: when the driver has fallen behind, answers still get their turn.
        stop = min(at + BATCH, record.size)
        while at < stop:
            now_ns = monotonic_ns()
            if due_ns[at] > now_ns:
                break
            woke_ns[at] = now_ns
            pools[arm[at]].dispatch(at)
            at += 1
        self._next = at
        if at < record.size:
            self._timer.set(due_ns[at])
        else:
            self._stop_timer()

    def _settled(self) -> bool:
        """Whether every request came to its end; gives up those that are overdue.

        Times out from the due time on, so one pointer over the schedule is enough.
        """
        record = self._record
        overdue_ns = monotonic_ns() - self._timeout_ns
        at = self._unsettled
        while at < self._next:
            if record.state[at] in (WAITING, SENT):
                if record.due_ns[at] > overdue_ns:
                    break
                self._pools[record.arm[at]].expire(at)
            at += 1
        self._unsettled = at
        return at == record.size

    def _stop_timer(self) -> None:
        if self._timer.fd >= 0:
            asyncio.get_running_loop().remove_reader(self._timer.fd)
            self._timer.close()
