"""A driver process seen from the gate: JSON lines on its stdin and stdout; always reaped."""

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
from socklat_gate.load.tail import tail_of

__all__ = ["Worker", "WorkerClient", "make_workers"]

END_WITHIN_S = 2.0
MAX_SHOWN = 80


class Worker(Protocol):
    """A driver's other end, wherever it runs; see `WorkerClient`."""

    @property
    def pid(self) -> int | None:
        """Its process, once it was started."""

    def begin(self, pass_fds: Collection[int] = ()) -> None:
        """Start it with these descriptors beside its standard ones."""

    def send(self, **message: object) -> None:
        """Send one message; nothing when it has ended, which `receive` then says."""

    def receive(self, within_s: float) -> dict[str, Any] | None:
        """The next message; None when there is none within so many seconds.

        Raises `InvalidMeasurement` (LOAD_DRIVER_FAILED) when none can come any more.
        """

    def failure(self, what: str) -> InvalidMeasurement:
        """The error that it ``what``."""

    def terminate(self) -> None:
        """Ask it to end, without waiting for that; nothing when it was not started."""

    def close(self) -> None:
        """End it."""


def make_workers(many: int) -> list[Worker]:
    """So many of them, with names."""
    if many == 1:
        return [WorkerClient()]
    return [WorkerClient(f"load worker {at} of {many}") for at in range(1, many + 1)]


class WorkerClient:
    """The worker from `begin` to `close`; the messages are those of `load.worker`.

    ``name`` is what it is called in errors.
    """

    def __init__(self, name: str = "the load driver") -> None:
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._selector = selectors.DefaultSelector()
        self._unread = bytearray()

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

    def terminate(self) -> None:
        """See `Worker`."""
        if self._process is not None:
            self._process.terminate()

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
        """See `Worker`."""
        assert self._process is not None, "begin comes first"
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self, within_s: float) -> dict[str, Any] | None:
        """See `Worker`."""
        deadline_s = time.monotonic() + within_s
        while (end := self._unread.find(b"\n")) < 0:
            ready = self._selector.select(max(0.0, deadline_s - time.monotonic()))
            if not ready:
                return None
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    raise self.failure("ended early")
                self._unread += chunk
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "event" not in event:
            text = line[:MAX_SHOWN].decode("utf-8", "replace")
            raise self.failure(f"wrote what is none of its messages: {text!r}")
        return event

    def failure(self, what: str) -> InvalidMeasurement:
        """See `Worker`; the end of what it wrote is the error's log."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WITHIN_S)
        code = self._process.returncode
        how = "still running" if code is None else f"exit code {code}"
        return InvalidMeasurement(
            Reason.LOAD_DRIVER_FAILED,
            f"{self._name} {what} ({how})",
            remedy="exit code -9 means that this runner was out of memory, 3 that the system "
            "refused what the job's log names; for anything else report the lines there as an "
            "error of socklat-gate",
        ).with_log(tail_of(self._stderr))
