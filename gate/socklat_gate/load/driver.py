"""Sends each request when it is due, whatever the responses do."""

from __future__ import annotations

import asyncio
import gc
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.load.clock import Clock, MonotonicClock, Timer
from socklat_gate.load.dialer import Network, TcpNetwork
from socklat_gate.load.fresh_pool import FreshPool
from socklat_gate.load.messages import MessageSource, variables_of
from socklat_gate.load.pool import Pool
from socklat_gate.load.pool_members import ArmLoad
from socklat_gate.load.request_counts import part_of
from socklat_gate.load.request_log import SENT, WAITING, Record
from socklat_gate.load.setup_run import SetupRun
from socklat_gate.load.values import Values
from socklat_gate.measured.records import SENT as SENT_ROW
from socklat_gate.measured.records import Records

if TYPE_CHECKING:
    from socklat_gate.load.merged_counts import Part
    from socklat_gate.load.share import Portion
    from socklat_gate.scenario import Load

__all__ = ["Driver"]

BATCH = 32
TICK_S = 0.1
PROGRESS_EVERY_NS = 1_000_000_000
SECRET_LENGTH = 16


class Driver:
    """Sends a ``portion`` of a load, or all of it.

    ``set_up``, ``connect``, ``begin``, ``run`` and ``close`` come once each, in that order.
    """

    def __init__(
        self,
        load: Load,
        endpoints: Sequence[tuple[str, int]],
        portion: Portion,
        seed: int,
        clock: Clock | None = None,
        network: Network | None = None,
    ) -> None:
        clock = self._clock = clock or MonotonicClock()
        network = self._network = network or TcpNetwork()
        self._load = load
        self._seed = seed
        self._portion = portion
        schedule = portion.schedule
        self._kinds = array("H", schedule.kind.tobytes())
        self._timeout_ns = round(load.timeout_s * 1e9)
        names = [request.name for request in load.requests]
        self._record = Record(
            schedule, len(endpoints), names, fresh=not load.keep_alive, streams=load.streams
        )
        self._setups = [
            SetupRun(load, arm, endpoint, seed, clock, network)
            for arm, endpoint in enumerate(endpoints)
        ]
        self._endpoints = endpoints
        self._pools: list[Pool | FreshPool] = []
        self._timer: Timer | None = None
        self._next = 0
        self._stop = self._record.size  # no request from this one on is sent
        self._unsettled = 0

    async def set_up(self) -> list[dict[str, str]]:
        """Do the setup, if there is one; what it saved, by arm.  Raises `SetupFailed`."""
        await asyncio.gather(*(setup.run() for setup in self._setups))
        self._record.setup_responses = [setup.responses for setup in self._setups]
        self._record.setup_ns = [setup.took_ns for setup in self._setups]
        return [setup.saved for setup in self._setups]

    async def connect(self, saved: Sequence[dict[str, str]]) -> None:
        """Open all connections; ``saved`` are variables by arm, whoever did the setup.

        Raises `load.dialer.ConnectFailed`.
        """
        for arm, endpoint in enumerate(self._endpoints):
            variables = variables_of(self._load) | saved[arm]
            values = Values(self._seed, self._load.rows, variables, self._portion.numbers)
            source = MessageSource(self._load, self._kinds, values)
            own = self._record, arm, endpoint, self._clock, self._network
            self._pools.append(self._kind_of_pool()(ArmLoad(self._load, source, *own)))
        await asyncio.gather(*(pool.open() for pool in self._pools))

    def _kind_of_pool(self) -> type[Pool | FreshPool]:
        if self._load.streams > 1:
            from socklat_gate.load.streams_pool import (  # noqa: PLC0415 - needs the extra
                StreamsPool,
            )

            return StreamsPool
        return Pool if self._load.keep_alive else FreshPool

    def secrets(self) -> list[str]:
        """What a setup saved and looks like a token: nothing else is so long by chance."""
        saved = {value for setup in self._setups for value in setup.saved.values()}
        return sorted(value for value in saved if len(value) >= SECRET_LENGTH)

    def begin(self, start_ns: int) -> None:
        """The load starts at ``start_ns`` (CLOCK_MONOTONIC), once `run` is called."""
        self._record.begin(start_ns)

    def end_at(self, end_ns: int) -> None:
        """Leave out what is due at ``end_ns`` or later, and the counts of it; after `begin`.

        Requests that were sent already stay sent.
        """
        self._stop = max(self._next, self._record.end(end_ns))
        if self._next == self._stop:
            self._stop_timer()

    async def run(self, on_progress: Callable[[int, int], None]) -> list[Part]:
        """Drive the load; counts by arm.

        ``on_progress(sent, responded)`` is called about once a second.
        """
        record, now_ns = self._record, self._clock.now_ns
        # Nothing allocated from here on is worth a pause of the collector during the load.
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            if self._next < self._stop:
                self._timer = self._clock.timer(self._on_due)
                self._timer.set(record.due_ns[0])
            reported_ns = now_ns()
            while not self._settled():
                await asyncio.sleep(TICK_S)
                if now_ns() - reported_ns >= PROGRESS_EVERY_NS:
                    reported_ns = now_ns()
                    on_progress(record.sent, record.responded)
        finally:
            gc.enable()
            gc.unfreeze()
            self._stop_timer()
        of_all = self._portion.of_all
        return [part_of(record, pool.arm, of_all[pool.arm]) for pool in self._pools]

    def sent(self) -> Records:
        """Rows of `measured.records.SENT`, one for each request sent, warm-up included.

        With several streams a connection they are of `CALL`.
        """
        if self._load.streams > 1:
            return self._record.calls()
        log = self._record.sent_log
        return np.zeros(0, dtype=SENT_ROW) if log is None else log.rows(self._record.sent_ns)

    async def close(self) -> None:
        """Close all connections."""
        self._stop_timer()
        await asyncio.gather(*(pool.close() for pool in self._pools))

    def _on_due(self) -> None:
        record = self._record
        due_ns, woke_ns, arm, pools = record.due_ns, record.woke_ns, record.arm, self._pools
        at, timer, clock_ns = self._next, self._timer, self._clock.now_ns
        assert timer is not None, "run made it"
        # A bounded batch: when the driver has fallen behind, responses still get their turn.
        stop = min(at + BATCH, self._stop)
        while at < stop:
            now_ns = clock_ns()
            if due_ns[at] > now_ns:
                break
            woke_ns[at] = now_ns
            pools[arm[at]].dispatch(at)
            at += 1
        self._next = at
        if at < self._stop:
            timer.set(due_ns[at])
        else:
            self._stop_timer()

    def _settled(self) -> bool:
        """Whether every request came to its end; gives up those that are overdue.

        Times out from the due time on, so one pointer over the schedule is enough.
        """
        record = self._record
        overdue_ns = self._clock.now_ns() - self._timeout_ns
        at = self._unsettled
        while at < self._next:
            if record.state[at] in (WAITING, SENT):
                if record.due_ns[at] > overdue_ns:
                    break
                self._pools[record.arm[at]].expire(at)
            at += 1
        self._unsettled = at
        return at == self._stop

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.close()
