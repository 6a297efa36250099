"""The built-in driver seen from the gate: processes that start and end on command."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import IO

import numpy as np

from socklat_gate.load.bounds import longest_s
from socklat_gate.load.command import CommandLoad
from socklat_gate.load.cpuset import run_on_cpus
from socklat_gate.load.load_driver import (
    END_AHEAD_NS,
    Endpoint,
    LoadDriver,
    Poll,
    Progress,
    Window,
    make_window,
)
from socklat_gate.load.merged_counts import Part, merge_counts
from socklat_gate.load.ports import check_ports
from socklat_gate.load.schedule import make_schedule
from socklat_gate.load.share_check import check_shares
from socklat_gate.load.tls_files import make_context
from socklat_gate.load.worker_client import Worker, make_workers
from socklat_gate.load.worker_count import count_workers
from socklat_gate.load.worker_group import Message, WorkerGroup
from socklat_gate.load.worker_json import part_from_json
from socklat_gate.load.worker_start import check_begun, connect_workers
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import Interleave
from socklat_gate.measured.records import CALL, SENT, Records
from socklat_gate.scenario import Load

__all__ = ["Endpoint", "LoadDriver", "LoadProcess", "Window", "make_load"]

log = logging.getLogger(__name__)

GRACE_S = 30.0


def make_load(
    load: Load,
    endpoints: Sequence[Endpoint],
    seed: int,
    interleave: Interleave = "request",
    slice_ms: float = 100.0,
) -> LoadDriver:
    """The driver that ``load.driver`` names, for one endpoint an arm.

    ``interleave`` and ``slice_ms`` are those of `load.schedule`; commands know no such thing.
    """
    if load.driver == "command":
        return CommandLoad(load, endpoints, seed)
    return LoadProcess(load, endpoints, seed, interleave, slice_ms)


class LoadProcess:
    """`LoadDriver` of the protocols that are built in, by one worker or several.

    See `load.worker` for what it says to them, and `load.share` for which of them sends what.
    ``workers`` (by default as many as `count_workers` says) and ``now_ns`` (CLOCK_MONOTONIC) are
    for tests in another time.  Raises `UsageError` for a schedule that is too long, more
    connections than there are ports, a CPU set that does not exist, or files of ``load.tls`` that
    cannot be used.
    """

    def __init__(
        self,
        load: Load,
        endpoints: Sequence[Endpoint],
        seed: int,
        interleave: Interleave = "request",
        slice_ms: float = 100.0,
        *,
        workers: Sequence[Worker] | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._make_schedule = partial(
            make_schedule, load, len(endpoints), seed, interleave, slice_ms
        )
        self._make_schedule()  # the workers do so, but its errors would come as their crash
        check_ports(load)
        if load.tls is not None:
            make_context(load.tls)
        self._load = load
        self._endpoints = tuple(endpoints)
        self._task = {
            "endpoints": [[endpoint.host, endpoint.port] for endpoint in endpoints],
            "seed": seed,
            "interleave": interleave,
            "slice_ms": slice_ms,
        }
        if workers is None:
            workers = make_workers(count_workers(load, len(endpoints), interleave))
        self._group = WorkerGroup(workers, now_ns)
        self._sent: list[IO[bytes]] = []
        self._now_ns = now_ns
        self._window: Window | None = None
        self._ended = False
        self._progress = [(0, 0)] * len(workers)
        self._shares: dict[int, list[Part]] = {}

    def __enter__(self) -> LoadProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._group.close()
        for file in self._sent:
            file.close()

    def pids(self) -> tuple[int, ...]:
        """The workers, once they were started."""
        return self._group.pids()

    def connect(self) -> None:
        """Start the workers and wait until all their connections are open."""
        if self._load.streams > 1 or any(request.name for request in self._load.requests):
            for _ in range(len(self._group)):
                self._sent.append(tempfile.TemporaryFile())  # noqa: SIM115 - closed by __exit__
        descriptors = [file.fileno() for file in self._sent]
        with run_on_cpus(self._load.cpuset):
            self._group.begin(descriptors)
        log.info("load workers started: %s", ", ".join(map(str, self.pids())))
        connect_workers(
            self._group, self._load, self._endpoints, self._task, descriptors, self._now_ns
        )

    def start(self, start_ns: int) -> Window:
        """Let the load begin at ``start_ns`` (CLOCK_MONOTONIC)."""
        self._group.send_all(start_ns=start_ns)
        self._group.expect()
        return self._expect(make_window(self._load, start_ns, longest_s(self._load)))

    def end_at(self, end_ns: int) -> Window:
        """End the window at ``end_ns`` (CLOCK_MONOTONIC), or as soon as it can."""
        window = self._window
        assert window is not None, "start comes before end_at"
        if self._ended:
            return window
        self._ended = True
        shortest_ns = window.from_ns + round(self._load.duration_s * 1e9)
        end_ns = max(end_ns, shortest_ns, self._now_ns() + END_AHEAD_NS)
        if end_ns >= window.to_ns:
            return window
        self._group.send_all(end_ns=end_ns)
        return self._expect(replace(window, to_ns=end_ns))

    def wait(
        self, on_progress: Progress | None = None, poll: Poll | None = None
    ) -> tuple[LoadCounts, ...]:
        """Counts by arm, in the order of the endpoints."""
        assert self._window is not None, "start comes before wait"
        group = self._group
        while group.awaited:
            at = self._heard(group.receive(poll))
            if at is None or on_progress is None:
                continue
            if at == min(set(range(len(group))) - set(self._shares)):
                on_progress(*map(sum, zip(*self._progress, strict=True)))
        return self._merged([self._shares[at] for at in range(len(group))])

    def listen(self) -> None:
        """Takes what the workers have said so far, which must not be left to fill their pipes.

        For a load that nobody waits for yet: to be called every few seconds.  Raises as `wait`.
        """
        while self._group.awaited and (message := self._group.receive_now()) is not None:
            self._heard(message)

    def _heard(self, message: Message) -> int | None:
        """The worker that sent how far it is; None for one that has sent its counts."""
        at, event = message
        if event["event"] == "done":
            self._shares[at] = [part_from_json(arm) for arm in event["arms"]]
            self._group.finished(at)
            return None
        check_begun(event, self._endpoints)
        self._progress[at] = (event["sent"], event["responded"])
        return at

    def sent(self) -> Records | None:
        """What the workers wrote into the files that this side opened, worker by worker."""
        if not self._sent:
            return None
        for file in self._sent:
            file.seek(0)
        row = CALL if self._load.streams > 1 else SENT
        rows = np.concatenate([np.frombuffer(file.read(), dtype=row) for file in self._sent])
        return rows[np.argsort(rows["due_ns"], kind="stable")] if row is CALL else rows

    def _merged(self, shares: Sequence[Sequence[Part]]) -> tuple[LoadCounts, ...]:
        assert self._window is not None, "start comes before wait"
        counts = tuple(merge_counts(parts) for parts in zip(*shares, strict=True))
        if len(shares) > 1:
            check_shares(self._make_schedule(), self._window, shares, counts)
        _log_counts(counts)
        return counts

    def _expect(self, window: Window) -> Window:
        log.info("load is measured for %.1f s", (window.to_ns - window.from_ns) / 1e9)
        self._window = window
        self._group.deadline_s = window.to_ns / 1e9 + self._load.timeout_s + GRACE_S
        return window


def _log_counts(counts: Sequence[LoadCounts]) -> None:
    for arm, count in enumerate(counts):
        log.info(
            "load of arm %d: %d planned, %d sent, %d responses, %d errors, %d connections added",
            *(arm, count.planned, count.sent, count.responded, count.errors, count.grown),
        )
