"""One life of ``tests/services/stages.c``, watched by the probe: its moments and what was measured.

Every moment is of CLOCK_MONOTONIC, which the client, the service and the kernel share.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading
from socklat_gate.probe.traffic import UNKNOWN_TRAFFIC, Traffic
from tests.conformance.lab import Lab
from tests.conformance.record import Compared, note

__all__ = [
    "BUCKET",
    "EMULATED",
    "EVER_NS",
    "PORT",
    "REQUEST",
    "Account",
    "Bounds",
    "Stand",
    "ask",
    "assert_balanced",
    "assert_true",
    "await_listening",
    "contended",
    "dependency",
    "eventually",
    "open_connections",
    "receive",
    "running",
]

PORT = 7000
REQUEST = b"x" * 16
DEPENDENCY_PORT = 7001
EVER_NS = 2**63
WITHIN_S = 10.0
BUCKET = 1.008  # a histogram's bucket is 0.78% wide
EMULATED = "SOCKLAT_EMULATED" in os.environ
"""A CPU by emulation, on which everything takes 10 to 20 times as long."""
SLACK_NS = 300_000 if EMULATED else 100_000
_BUSY_TURNS = """
import time
while True:
    until = time.monotonic() + 0.002
    while time.monotonic() < until:
        pass
    time.sleep(0.002)
"""
_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp

Moments = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Account:
    """What the probe measured, and what the service says: one array a field, one value a request.

    ``accepts`` has the columns polled, before accept and accepted.
    """

    reading: Reading
    responses: int
    moments: dict[str, Moments]
    accepts: Moments

    def __getitem__(self, field: str) -> Moments:
        return self.moments[field]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A stage of each exchange in ns: what really passed, and the least and most a hook can see."""

    least: Moments
    true: Moments
    most: Moments


class Stand:
    """Context manager: the service runs with ``options`` and is watched in a slot of the probe."""

    def __init__(
        self,
        lab: Lab,
        probe: SocketProbe,
        *,
        slot: int = 0,
        traffic: Traffic = UNKNOWN_TRAFFIC,
        **options: int | str,
    ) -> None:
        self._lab = lab
        self._traffic = traffic
        self._probe = probe
        self._slot = slot
        pairs = [(f"--{name.replace('_', '-')}", str(value)) for name, value in options.items()]
        self._options = [word for pair in [("--port", str(PORT)), *pairs] for word in pair]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Stand:
        self._process = self._lab.start(*self._options, program="stages")
        try:
            await_listening(self._process, PORT)
            self.watch()
        except BaseException:
            _end(self._process)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._probe.forget(self._slot)
        assert self._process is not None
        _end(self._process)

    def watch(self, *, apart: bool = True) -> None:
        """Watches from now on, as a gate does, with everything counted so far forgotten."""
        self.forget()
        self._probe.watch(self._slot, self._lab.netns_inode, PORT, apart=apart)
        self._probe.record_between(self._slot, 0, EVER_NS, traffic=self._traffic)

    def forget(self) -> None:
        """Stops watching: connections opened meanwhile are unknown to the probe."""
        self._probe.forget(self._slot)

    def connect(self, receive_bytes: int | None = None, port: int = PORT) -> socket.socket:
        """A connection to the service, with a receive buffer of so many bytes."""
        return self.reach(self._lab, port, receive_bytes)

    @staticmethod
    def reach(lab: Lab, port: int, receive_bytes: int | None = None) -> socket.socket:
        """A connection from outside to a port of the namespace."""
        client = socket.socket(socket.AF_INET)
        client.settimeout(30.0)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect((lab.inside4, port))
        return client

    @property
    def pid(self) -> int:
        """Process id of the service."""
        assert self._process is not None
        return self._process.pid

    @property
    def counters(self) -> dict[str, int]:
        """The probe's counters by now."""
        return dict(self._probe.read(self._slot).counters)

    def finish(self) -> Account:
        """Ends the service; to be called once, after all clients have closed."""
        eventually(lambda: not open_connections(self._probe, self._lab.netns_inode))
        reading = self._probe.read(self._slot)
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        told = json.loads(self._process.communicate(timeout=WITHIN_S)[0])
        table = np.array(told["exchanges"], dtype=np.int64).reshape(-1, len(told["fields"]))
        moments = {name: table[:, column] for column, name in enumerate(told["fields"])}
        accepts = np.array(told["accepts"], dtype=np.int64).reshape(-1, 3)
        return Account(reading, told["responses"], moments, accepts)


@contextmanager
def dependency(lab: Lab, response_after_us: int) -> Iterator[dict[str, int | str]]:
    """A service outside the namespace for the one inside to ask; gives the options that say so."""
    command = [lab.program("stages"), "--port", str(DEPENDENCY_PORT)]
    command += ["--before-response", str(response_after_us)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    with running(process):
        await_listening(process, DEPENDENCY_PORT)
        yield {"depend": lab.host4, "depend_port": DEPENDENCY_PORT}


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Ends the process on leaving, and reaps it."""
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def contended(pid: int) -> Iterator[None]:
    """Meanwhile the process must wait for its CPU: another one takes it half of the time."""
    cpu = min(os.sched_getaffinity(0))
    busy = subprocess.Popen([sys.executable, "-S", "-c", _BUSY_TURNS])
    with running(busy):
        for one in (busy.pid, pid):  # threads to come inherit it
            os.sched_setaffinity(one, {cpu})
        os.sched_setscheduler(busy.pid, os.SCHED_FIFO, os.sched_param(1))
        yield


def await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Waits until a socket of the process's namespace listens, without connecting to it."""

    def listens() -> bool:
        assert process.poll() is None, "the service ended at once"
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/{process.pid}/net/{name}").read_text("ascii").splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                    return True
        return False

    eventually(listens)


def eventually(condition: Callable[[], bool]) -> None:
    """Waits for a condition; a test fails when it does not come."""
    deadline_s = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)


def open_connections(probe: SocketProbe, netns_inode: int) -> int:
    """Entries of a namespace in the probe's table of connections."""
    table = probe._loaded.bpf[b"connections"]
    return sum(connection.netns == netns_inode for connection in table.values())


def ask(client: socket.socket, request: bytes, response_bytes: int) -> None:
    """One request and its whole response."""
    client.sendall(request)
    receive(client, response_bytes)


def receive(client: socket.socket, length: int) -> None:
    """Reads exactly so many bytes."""
    while length:
        part = client.recv(min(length, 1 << 20))
        assert part, "the service closed the connection"
        length -= len(part)


def assert_true(reading: Reading, stage: str, bounds: Bounds) -> None:
    """p50 and p99 within 2% + 100 us of the truth, which is known to a system call's length.

    A hook is somewhere inside its system call, so the truth is what lies between the bounds.
    """
    histogram = reading.histograms[stage]
    assert histogram.total == bounds.true.size, stage
    quantiles: dict[str, Compared] = {}
    for name, quantile in (("p50", 0.5), ("p99", 0.99)):
        least, most = (_nearest_rank(values, quantile) for values in (bounds.least, bounds.most))
        measured = histogram.quantile_ns(quantile)
        quantiles[name] = {"least_ns": least, "most_ns": most, "measured_ns": measured}
    note(stage, quantiles)
    for name, of in quantiles.items():
        assert of["least_ns"] * 0.98 - SLACK_NS <= of["measured_ns"], (stage, name, of)
        assert of["measured_ns"] <= of["most_ns"] * 1.02 + SLACK_NS, (stage, name, of)


def assert_balanced(counters: dict[str, int]) -> None:
    """The balance identity of design section 3, exactly."""
    parts = ("recorded", "filtered", "no_response", "dropped_map_full", "pending")
    assert counters["seen"] == sum(counters[part] for part in parts), counters


def _nearest_rank(values: Moments, quantile: float) -> int:
    return int(np.quantile(values, quantile, method="inverted_cdf"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
