"""The built-in driver seen from the gate: a process, started, spoken to and always reaped."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import gate
from gate.campaign import LoadCounts
from gate.errors import InvalidMeasurement, Reason
from gate.load.command import CommandLoad
from gate.load.cpuset import pinned
from gate.load.interface import Endpoint, LoadDriver, Poll, Progress, Window, window_of
from gate.load.schedule import make_schedule
from gate.load.tail import tail_of
from gate.load.wire import counts_from_wire
from gate.scenario import Load

__all__ = ["Endpoint", "LoadDriver", "LoadProcess", "Window", "make_load"]

POLL_EVERY_S = 0.25
CONNECT_WITHIN_S = 60.0
"""The worker itself gives up connecting after 5 s; the rest is for a slow start of Python."""
GRACE_S = 30.0
END_WITHIN_S = 2.0


def make_load(load: Load, endpoints: Sequence[Endpoint], seed: int) -> LoadDriver:
    """The driver that ``load.driver`` names, for one endpoint an arm."""
    if load.driver == "command":
        return CommandLoad(load, endpoints, seed)
    return LoadProcess(load, endpoints, seed)


class LoadProcess:
    """`LoadDriver` for ``tcp`` and ``http``; see `gate.load.worker` for the dialogue.

    Raises `UsageError` for a schedule that is too long or a CPU set that does not exist.
    """

    def __init__(self, load: Load, endpoints: Sequence[Endpoint], seed: int) -> None:
        make_schedule(load, len(endpoints), seed)  # the worker's errors would come as a crash
        self._load = load
        self._endpoints = tuple(endpoints)
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._selector = selectors.DefaultSelector()
        self._unread = bytearray()
        self._window: Window | None = None

    def __enter__(self) -> LoadProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._selector.close()
        self._stderr.close()
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    @property
    def pid(self) -> int | None:
        """Process id of the worker once it was started."""
        return None if self._process is None else self._process.pid

    def connect(self) -> None:
        """Start the worker and wait until all its connections are open."""
        with pinned(self._load.cpuset):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gate.load.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                # -m puts the directory on the import path: this one has our own package.
                cwd=Path(gate.__file__).parents[1],
                # Ctrl-C in the terminal reaches the gate only, which then ends the worker.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._tell(
            load=self._load.model_dump(mode="json"),
            endpoints=[[endpoint.host, endpoint.port] for endpoint in self._endpoints],
            seed=self._seed,
        )
        event = self._next_event(time.monotonic() + CONNECT_WITHIN_S, None)
        if event["event"] == "refused":
            raise InvalidMeasurement(
                Reason.LOAD_REFUSED,
                f"the service at {event['endpoint']} did not take the load's connections: "
                f"{event['error']}",
                remedy="check service.port, that the service listens on all addresses (0.0.0.0) "
                "and that it allows load.connections clients",
            )

    def start(self, start_ns: int) -> Window:
        """Let the load begin at ``start_ns`` (CLOCK_MONOTONIC)."""
        self._tell(start_ns=start_ns)
        self._window = window_of(self._load, start_ns)
        return self._window

    def wait(
        self, on_progress: Progress | None = None, poll: Poll | None = None
    ) -> tuple[LoadCounts, ...]:
        """Counts by arm, in the order of the endpoints."""
        assert self._window is not None, "start comes before wait"
        deadline_s = self._window.to_ns / 1e9 + self._load.timeout_s + GRACE_S
        while True:
            event = self._next_event(deadline_s, poll)
            if event["event"] == "done":
                return tuple(counts_from_wire(arm) for arm in event["arms"])
            if on_progress is not None:
                on_progress(event["sent"], event["answered"])

    def _tell(self, **message: object) -> None:
        assert self._process is not None, "connect comes first"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("ended before it was told what to do") from None

    def _next_event(self, deadline_s: float, poll: Poll | None) -> dict[str, Any]:
        """The worker's next line; ``poll`` is called while it takes its time."""
        polled_s = time.monotonic()
        while (end := self._unread.find(b"\n")) < 0:
            now_s = time.monotonic()
            if poll is not None and now_s - polled_s >= POLL_EVERY_S:
                polled_s = now_s
                poll()
            if now_s > deadline_s:
                raise self._failure("did not finish in time")
            for key, _ in self._selector.select(POLL_EVERY_S):
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    raise self._failure("ended early")
                self._unread += chunk
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        event: dict[str, Any] = json.loads(line)
        return event

    def _failure(self, what: str) -> InvalidMeasurement:
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WITHIN_S)
        code = self._process.returncode
        how = "still running" if code is None else f"exit code {code}"
        return InvalidMeasurement(
            Reason.LOAD_DRIVER_FAILED,
            f"the load driver {what} ({how}){tail_of(self._stderr)}",
            remedy="exit code -9 means that this runner was out of memory; for anything else "
            "report the lines above as an error of socklat-gate",
        )
