"""The driver process seen from the gate: JSON lines on its stdin and stdout; always reaped."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import socklat_gate
from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import POLL_EVERY_S, Poll
from socklat_gate.load.tail import tail_of

__all__ = ["Worker", "WorkerClient"]

END_WITHIN_S = 2.0


class Worker(Protocol):
    """The driver's other end, wherever it runs; see `WorkerClient`."""

    deadline_s: float

    @property
    def pid(self) -> int | None:
        """Its process, once it was started."""

    def begin(self, pass_fds: Collection[int] = ()) -> None:
        """Start it with these descriptors beside its standard ones."""

    def send(self, **message: object) -> None:
        """Send one message."""

    def receive(self, poll: Poll | None = None) -> dict[str, Any]:
        """The next message; ``poll`` is called every `POLL_EVERY_S` meanwhile."""

    def close(self) -> None:
        """End it."""


class WorkerClient:
    """The worker from `begin` to `close`; the messages are those of `load.worker`.

    ``deadline_s`` (`time.monotonic`) is when the next message must have come.  All methods but
    `close` raise `InvalidMeasurement` with ``LOAD_DRIVER_FAILED``.
    """

    def __init__(self) -> None:
        self.deadline_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._selector = selectors.DefaultSelector()
        self._unread = bytearray()
        self._polled_s = 0.0

    @property
    def pid(self) -> int | None:
        """The worker's process id once it was started."""
        return None if self._process is None else self._process.pid

    def begin(self, pass_fds: Collection[int] = ()) -> None:
        """Start the worker."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "socklat_gate.load.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            # -m puts the directory on the import path: this one has our own package.
            cwd=Path(socklat_gate.__file__).parents[1],
            # Ctrl-C in the terminal reaches the gate only, which then ends the worker.
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
        assert self._process.stdout is not None
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def close(self) -> None:
        """End the worker, if it was started, and wait for its end."""
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

    def send(self, **message: object) -> None:
        """Send one message."""
        assert self._process is not None, "begin comes first"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("ended before it got its task") from None

    def receive(self, poll: Poll | None = None) -> dict[str, Any]:
        """The worker's next message; ``poll`` is called every `POLL_EVERY_S` meanwhile."""
        while (end := self._unread.find(b"\n")) < 0:
            now_s = time.monotonic()
            if poll is not None and now_s - self._polled_s >= POLL_EVERY_S:
                self._polled_s = now_s
                poll()
            if now_s > self.deadline_s:
                raise self._failure("did not finish in time")
            left_s = POLL_EVERY_S if poll is None else self._polled_s + POLL_EVERY_S - now_s
            for key, _ in self._selector.select(max(0.0, left_s)):
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
            f"the load driver {what} ({how})",
            remedy="exit code -9 means that this runner was out of memory; for anything else "
            "report the lines in the job's log as an error of socklat-gate",
        ).with_log(tail_of(self._stderr))
