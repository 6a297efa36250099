"""One life of the service in the laboratory: watched by the probe, and asked for the truth.

The service says at its end how long it really waited.  The probe is compared with that, so that
a slow or busy machine makes both longer.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from socklat_gate.load.load_driver import Endpoint
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading
from tests.conformance.lab import Family, Lab
from tests.conformance.stand import await_listening

__all__ = ["Delays", "Measured", "Trial", "Truth", "drive", "trickle"]

PORT = 7000
SLOT = 0
EVER_NS = 2**63
START_WITHIN_S = 10.0
SETTLE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Delays:
    """What the service is told to do: delays in us, length of request and response in bytes."""

    before_read_us: int = 0
    before_response_us: int = 0
    length: int = 16


@dataclass(frozen=True, slots=True)
class Truth:
    """What the service did, as it saw it: ``stages_ns[stage][bound][name]`` in ns.

    Stages ``recv_wait``, ``app`` and ``service``; bounds ``least``, ``true`` and ``most``; names
    ``p50``, ``p99`` and ``max``.  ``tests/services/delay.c`` defines them.
    """

    responses: int
    unstamped: int
    stages_ns: Mapping[str, Mapping[str, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the probe counted and what really happened."""

    reading: Reading
    truth: Truth


class Trial:
    """Context manager: the service runs and the probe watches it, whatever is then sent to it."""

    def __init__(
        self, lab: Lab, probe: SocketProbe, delays: Delays, family: Family = "mapped"
    ) -> None:
        self._lab = lab
        self._probe = probe
        self._options = [
            *("--port", str(PORT)),
            *("--length", str(delays.length)),
            *("--before-read", str(delays.before_read_us)),
            *("--before-response", str(delays.before_response_us)),
            *([] if family == "mapped" else ["--family", family.removeprefix("v")]),
        ]
        self.endpoint = Endpoint(lab.address(family), PORT)

    def __enter__(self) -> Trial:
        self._process = self._lab.start(*self._options)
        try:
            await_listening(self._process, PORT)
            self._probe.watch(SLOT, self._lab.netns_inode, PORT, apart=True)
            self._probe.record_between(SLOT, 0, EVER_NS)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.forget(SLOT)
        self._stop()

    def finish(self) -> Measured:
        """Ends the service; to be called once, after all clients have closed."""
        deadline_s = time.monotonic() + SETTLE_WITHIN_S
        while self._probe.read(SLOT).counters["pending"] and time.monotonic() < deadline_s:
            time.sleep(0.05)
        self._process.send_signal(signal.SIGTERM)
        told, _ = self._process.communicate(timeout=START_WITHIN_S)
        truth = json.loads(told)
        counts = truth.pop("responses"), truth.pop("unstamped")
        return Measured(self._probe.read(SLOT), Truth(*counts, truth))

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def drive(endpoint: Endpoint, requests: int, connections: int, length: int = 16) -> None:
    """Sends so many requests at even distances over a second, in turn over the connections.

    Threads of this process: the gate's own driver takes an emulated CPU longer to start than all
    the requests together.  A request that is due on a busy connection waits for the response.
    """

    def converse(client: socket.socket, dues_s: list[float]) -> None:
        for due_s in dues_s:
            time.sleep(max(0.0, due_s - time.monotonic()))
            client.sendall(b"x" * length)
            _receive(client, length)

    with ExitStack() as opened, ThreadPoolExecutor(connections) as pool:
        clients = [opened.enter_context(_connect(endpoint)) for _ in range(connections)]
        start_s = time.monotonic()
        dues_s = [start_s + number / requests for number in range(requests)]
        plans = [dues_s[turn::connections] for turn in range(connections)]
        list(pool.map(converse, clients, plans))


def trickle(endpoint: Endpoint, requests: int, length: int, after_first_s: float = 0.0) -> None:
    """Sends each request as ``length`` segments of one byte, all over one connection.

    ``after_first_s`` leaves time to read the first one before the others come.
    """
    with _connect(endpoint) as client:
        for _ in range(requests):
            client.send(b"x")
            time.sleep(after_first_s)
            for _ in range(length - 1):
                client.send(b"x")
            _receive(client, length)


def _connect(endpoint: Endpoint) -> socket.socket:
    client = socket.create_connection((endpoint.host, endpoint.port), timeout=30.0)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _receive(client: socket.socket, length: int) -> None:
    while length:
        part = client.recv(length)
        assert part, "the service closed the connection"
        length -= len(part)
