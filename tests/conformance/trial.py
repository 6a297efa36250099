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
from dataclasses import dataclass

from gate.campaign import LoadCounts
from gate.load.process import Endpoint, LoadProcess
from gate.probe.probe import Reading, SocketProbe
from gate.scenario import Load
from tests.conformance.lab import Family, Lab

__all__ = ["Delays", "Measured", "Trial", "Truth", "drive", "even_load", "trickle"]

PORT = 7000
SLOT = 0
LEAD_NS = 150_000_000
EVER_NS = 2**63
START_WITHIN_S = 10.0
SETTLE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Delays:
    """What the service is told to do: delays in us, length of request and answer in bytes."""

    before_read_us: int = 0
    before_answer_us: int = 0
    length: int = 16


@dataclass(frozen=True, slots=True)
class Truth:
    """What the service did, as it saw it: ``stages_ns[stage][bound][name]`` in ns.

    Stages ``recv_wait``, ``app`` and ``service``; bounds ``least``, ``true`` and ``most``; names
    ``p50``, ``p99`` and ``max``.  ``tests/services/delay.c`` defines them.
    """

    answers: int
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
            *("--before-answer", str(delays.before_answer_us)),
            *([] if family == "mapped" else ["--family", family.removeprefix("v")]),
        ]
        self.endpoint = Endpoint(lab.address(family), PORT)

    def __enter__(self) -> Trial:
        self._process = self._lab.start(*self._options)
        try:
            self._await_listening()
            self._probe.watch(SLOT, self._lab.netns_inode, PORT)
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
        counts = truth.pop("answers"), truth.pop("unstamped")
        return Measured(self._probe.read(SLOT), Truth(*counts, truth))

    def _await_listening(self) -> None:
        deadline_s = time.monotonic() + START_WITHIN_S
        while True:
            try:
                socket.create_connection((self.endpoint.host, PORT), timeout=1.0).close()
            except OSError:
                assert self._process.poll() is None, "the service ended at once"
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)
            else:
                return

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def even_load(requests: int, connections: int, length: int = 16) -> Load:
    """Exactly ``requests`` at even distances over one second, without warm-up."""
    return Load.model_validate(
        {
            "rate": float(requests),
            "arrivals": "constant",
            "duration_s": 1.0,
            "warmup_s": 0.0,
            "connections": connections,
            "payload": "x" * length,
            "answer": length,
        }
    )


def drive(endpoint: Endpoint, load: Load) -> LoadCounts:
    """Sends the load with the gate's own driver; its connections are closed on return."""
    with LoadProcess(load, [endpoint], seed=1) as driver:
        driver.connect()
        driver.start(time.monotonic_ns() + LEAD_NS)
        return driver.wait()[0]


def trickle(endpoint: Endpoint, requests: int, length: int) -> None:
    """Sends each request as ``length`` segments of one byte, all over one connection."""
    with socket.create_connection((endpoint.host, endpoint.port), timeout=30.0) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(requests):
            for _ in range(length):
                client.send(b"x")
            got = 0
            while got < length:
                part = client.recv(length - got)
                assert part, "the service closed the connection"
                got += len(part)
