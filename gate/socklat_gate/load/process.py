"""The built-in driver seen from the gate: a process that starts and ends on command."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import IO

import numpy as np

from socklat_gate import masking
from socklat_gate.errors import InvalidMeasurement, Reason
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
from socklat_gate.load.load_json import load_to_json
from socklat_gate.load.ports import check_ports
from socklat_gate.load.schedule import make_schedule
from socklat_gate.load.tls_files import make_context
from socklat_gate.load.worker_client import Worker, WorkerClient
from socklat_gate.load.worker_json import counts_from_json
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import Interleave
from socklat_gate.measured.records import CALL, SENT, Records
from socklat_gate.scenario import Load

__all__ = ["Endpoint", "LoadDriver", "LoadProcess", "Window", "make_load"]

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 60.0
"""The worker itself gives up connecting after 5 s; the rest is for a slow start of Python."""
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
    """`LoadDriver` for ``tcp`` and ``http``; see `load.worker` for the protocol between the two.

    ``worker`` and ``now_ns`` (CLOCK_MONOTONIC) are for tests in another time.  Raises `UsageError`
    for a schedule that is too long, more connections than there are ports, a CPU set that does not
    exist, or files of ``load.tls`` that cannot be used.
    """

    def __init__(
        self,
        load: Load,
        endpoints: Sequence[Endpoint],
        seed: int,
        interleave: Interleave = "request",
        slice_ms: float = 100.0,
        *,
        worker: Worker | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        # The worker makes it again, but its errors would come as a crash.
        make_schedule(load, len(endpoints), seed, interleave, slice_ms)
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
        self._worker = worker or WorkerClient()
        self._sent: IO[bytes] | None = None
        self._now_ns = now_ns
        self._window: Window | None = None
        self._ended = False

    def __enter__(self) -> LoadProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.close()
        if self._sent is not None:
            self._sent.close()

    def pids(self) -> tuple[int, ...]:
        """The worker, once it was started."""
        pid = self._worker.pid
        return () if pid is None else (pid,)

    def connect(self) -> None:
        """Start the worker and wait until all its connections are open."""
        descriptors = []
        if self._load.streams > 1 or any(request.name for request in self._load.requests):
            self._sent = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
            descriptors = [self._sent.fileno()]
        with run_on_cpus(self._load.cpuset):
            self._worker.begin(descriptors)
        # Revealed here and by stdin alone: neither argument nor environment, and nothing is kept.
        load = load_to_json(self._load)
        self._worker.send(
            load=load,
            secrets=masking.registered(),
            **self._task,
            sent_fd=descriptors[0] if descriptors else None,
        )
        of_setup_s = len(self._load.setup) * (CONNECT_WITHIN_S + self._load.timeout_s)
        self._worker.deadline_s = self._now_ns() / 1e9 + CONNECT_WITHIN_S + of_setup_s
        log.info("load worker %s started", self._worker.pid)
        event = self._worker.receive()
        if event["event"] == "unprepared":
            raise InvalidMeasurement(Reason.LOAD_REFUSED, event["error"], remedy=event["remedy"])
        for value in event.get("secrets", ()):
            masking.register(value)
        if event["event"] == "unready":
            arm = self._endpoints[event["arm"]]
            raise InvalidMeasurement(
                Reason.SETUP_FAILED,
                f"{arm.name or f'{arm.host}:{arm.port}'}: load.setup: {event['error']}",
                remedy="send the request by hand and compare its response with what load.setup "
                "expects and saves of it",
            )
        if event["event"] == "refused":
            raise InvalidMeasurement(
                Reason.LOAD_REFUSED,
                f"the service at {event['endpoint']} did not take the load's connections: "
                f"{event['error']}",
                remedy=event["remedy"]
                or "check service.port, that the service listens on all addresses (0.0.0.0) "
                "and that it allows load.connections clients",
            )

    def start(self, start_ns: int) -> Window:
        """Let the load begin at ``start_ns`` (CLOCK_MONOTONIC)."""
        self._worker.send(start_ns=start_ns)
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
        self._worker.send(end_ns=end_ns)
        return self._expect(replace(window, to_ns=end_ns))

    def wait(
        self, on_progress: Progress | None = None, poll: Poll | None = None
    ) -> tuple[LoadCounts, ...]:
        """Counts by arm, in the order of the endpoints."""
        assert self._window is not None, "start comes before wait"
        while True:
            event = self._worker.receive(poll)
            if event["event"] == "done":
                counts = tuple(counts_from_json(arm) for arm in event["arms"])
                _log_counts(counts)
                return counts
            if event["event"] == "unprepared":
                raise InvalidMeasurement(
                    Reason.LOAD_REFUSED, event["error"], remedy=event["remedy"]
                )
            if on_progress is not None:
                on_progress(event["sent"], event["responded"])

    def sent(self) -> Records | None:
        """What the worker wrote into the file that this side opened."""
        if self._sent is None:
            return None
        self._sent.seek(0)
        return np.frombuffer(self._sent.read(), dtype=CALL if self._load.streams > 1 else SENT)

    def _expect(self, window: Window) -> Window:
        log.info("load is measured for %.1f s", (window.to_ns - window.from_ns) / 1e9)
        self._window = window
        self._worker.deadline_s = window.to_ns / 1e9 + self._load.timeout_s + GRACE_S
        return window


def _log_counts(counts: Sequence[LoadCounts]) -> None:
    for arm, count in enumerate(counts):
        log.info(
            "load of arm %d: %d planned, %d sent, %d responses, %d errors, %d connections added",
            *(arm, count.planned, count.sent, count.responded, count.errors, count.grown),
        )
