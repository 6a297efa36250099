"""A laboratory without Docker: a network namespace, a service in it, the load, the probe.

The service is ``tests/services/delay.c``, which says at its end how long it really waited; that is
the truth which the probe's numbers are compared with, so that a slow or busy machine makes both
longer.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gate.campaign import LoadCounts
from gate.load.process import Endpoint, LoadProcess
from gate.probe.probe import Reading, SocketProbe
from gate.scenario import Load
from tests.services.build import compile_service

__all__ = ["Delays", "Family", "Lab", "Measured", "Service", "Truth", "load", "trickle"]

Family = Literal["v4", "v6", "mapped"]
"""The service's socket: IPv4, IPv6, or IPv6 serving IPv4 clients (v4-mapped addresses)."""

PORT = 7000
SLOT = 0
START_WITHIN_S = 10.0
SETTLE_WITHIN_S = 5.0
LEAD_NS = 150_000_000
EVER_NS = 2**63


@dataclass(frozen=True, slots=True)
class Delays:
    """What the service is told to do: delays in us, length of request and answer in bytes."""

    before_read_us: int = 0
    before_answer_us: int = 0
    length: int = 16


@dataclass(frozen=True, slots=True)
class Truth:
    """What the service did, as it saw it; quantiles in ns by wait and by ``p50``/``p99``/``max``.

    Waits: ``paused``, ``recv_wait``, ``app``, ``service``; see ``delay.c``.
    """

    answers: int
    unstamped: int
    waits_ns: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One service's life: what the probe, the service and the load (if any) counted."""

    reading: Reading
    truth: Truth
    counts: LoadCounts | None
    connected: int


@dataclass(slots=True)
class Service:
    """The service while it runs: where it listens; ``counts`` and ``connected`` are the test's."""

    endpoint: Endpoint
    counts: LoadCounts | None = None
    connected: int = 0


class Lab:
    """Context manager: a namespace of its own, joined to the host's by a veth pair.

    ``ip`` comes from iproute2; root is needed.  Everything is removed on leaving.
    """

    def __init__(self) -> None:
        name = f"socklat{secrets.token_hex(3)}"  # interface names have at most 15 characters
        self.namespace = name
        self._device = f"{name}h"
        subnet = _free_subnet()
        self.host4, self.inside4 = (str(address) for address in subnet.hosts())
        self.host6, self.inside6 = (f"fd{name[7:9]}:{name[9:]}::{end}" for end in (1, 2))
        self._directory = tempfile.TemporaryDirectory(prefix="socklat-lab-")
        self._program = Path(self._directory.name) / "delay"

    def __enter__(self) -> Lab:
        self._program.write_bytes(compile_service("delay.c"))
        self._program.chmod(0o755)
        inside = "eth0"
        try:
            _ip("netns", "add", self.namespace)
            _ip("link", "add", self._device, "type", "veth", "peer", "name", inside, "netns",
                self.namespace)  # fmt: skip
            for address in (f"{self.host4}/30", f"{self.host6}/64"):
                _ip("address", "add", address, "dev", self._device, *_no_dad(address))
            _ip("link", "set", self._device, "up")
            for address in (f"{self.inside4}/30", f"{self.inside6}/64"):
                self._ip("address", "add", address, "dev", inside, *_no_dad(address))
            self._ip("link", "set", "lo", "up")
            self._ip("link", "set", inside, "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the namespace, and with it the veth pair; harmless when called twice."""
        # The host's end goes with its peer, but only once the namespace is reaped.
        for command in (["link", "delete", self._device], ["netns", "delete", self.namespace]):
            subprocess.run(["ip", *command], capture_output=True, check=False)
        self._directory.cleanup()

    @property
    def netns_inode(self) -> int:
        """What the probe watches."""
        return os.stat(f"/run/netns/{self.namespace}").st_ino

    def host(self, family: Family) -> str:
        """The service's address as a client of that family uses it."""
        return self.inside6 if family == "v6" else self.inside4

    def measure(
        self, probe: SocketProbe, delays: Delays, load: Load, family: Family = "mapped"
    ) -> Measured:
        """Runs the service under the load driver's requests and reads everything afterwards."""
        with self.watched(probe, delays, family) as (service, finished):
            with LoadProcess(load, [service.endpoint], seed=1) as driver:
                driver.connect()
                driver.start(time.monotonic_ns() + LEAD_NS)
                (service.counts,) = driver.wait()
            service.connected = load.connections
        return finished()

    @contextmanager
    def watched(
        self, probe: SocketProbe, delays: Delays, family: Family = "mapped"
    ) -> Iterator[tuple[Service, Any]]:
        """A running service that the probe watches; gives it and a function to call afterwards.

        The function returns the `Measured`; connections must be closed by the end of the block.
        """
        results: list[Measured] = []
        process = self._start(delays, family)
        try:
            service = Service(Endpoint(self.host(family), PORT))
            probe.watch(SLOT, self.netns_inode, PORT)
            probe.record_between(SLOT, 0, EVER_NS)
            yield service, results.pop
            reading = _settled(probe)
            results.append(
                Measured(reading, _truth_of(process), service.counts, service.connected)
            )
        finally:
            probe.forget(SLOT)
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _start(self, delays: Delays, family: Family) -> subprocess.Popen[bytes]:
        only = {"v4": ["--family", "4"], "v6": ["--family", "6"], "mapped": []}[family]
        options = {
            "--port": PORT,
            "--length": delays.length,
            "--before-read": delays.before_read_us,
            "--before-answer": delays.before_answer_us,
        }
        words = [word for name, value in options.items() for word in (name, str(value))]
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, str(self._program), *words, *only],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + START_WITHIN_S
        while True:
            try:
                socket.create_connection((self.host(family), PORT), timeout=1.0).close()
            except OSError:
                assert process.poll() is None, "the service ended at once"
                if time.monotonic() > deadline_s:
                    process.kill()
                    raise
                time.sleep(0.02)
            else:
                return process

    def _ip(self, *arguments: str) -> None:
        _ip("-n", self.namespace, *arguments)


def load(requests: int, connections: int = 8, length: int = 16, duration_s: float = 1.0) -> Load:
    """Exactly ``requests`` at even distances over ``duration_s``, without warm-up."""
    return Load.model_validate(
        {
            "rate": requests / duration_s,
            "arrivals": "constant",
            "duration_s": duration_s,
            "warmup_s": 0.0,
            "connections": connections,
            "payload": "x" * length,
            "answer": length,
        }
    )


def trickle(endpoint: Endpoint, requests: int, length: int, pause_s: float = 0.0) -> None:
    """Sends each request as ``length`` segments of one byte over one connection."""
    with socket.create_connection((endpoint.host, endpoint.port), timeout=30.0) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(requests):
            for _ in range(length):
                client.send(b"x")
                if pause_s:
                    time.sleep(pause_s)
            got = 0
            while got < length:
                part = client.recv(length - got)
                assert part, "the service closed the connection"
                got += len(part)


def _truth_of(process: subprocess.Popen[bytes]) -> Truth:
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=START_WITHIN_S)
    told_of = json.loads(told)
    return Truth(told_of.pop("answers"), told_of.pop("unstamped"), told_of)


def _settled(probe: SocketProbe) -> Reading:
    """The reading once closed connections have reached the kernel's books."""
    deadline_s = time.monotonic() + SETTLE_WITHIN_S
    while True:
        reading = probe.read(SLOT)
        if not reading.counters["pending"] or time.monotonic() > deadline_s:
            return reading
        time.sleep(0.05)


def _free_subnet() -> ipaddress.IPv4Network:
    """A /30 of 10.0.0.0/8 that no route of this host covers, default routes apart."""
    done = subprocess.run(
        ["ip", "-j", "-4", "route", "show", "table", "all"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    taken = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in json.loads(done.stdout or "[]")
        if route["dst"] != "default"
    ]
    while True:
        base = int(ipaddress.IPv4Address("10.0.0.0")) + 4 * secrets.randbelow(1 << 22)
        subnet = ipaddress.IPv4Network((base, 30))
        if not any(subnet.overlaps(other) for other in taken):
            return subnet


def _no_dad(address: str) -> list[str]:
    """Duplicate address detection would keep an IPv6 address unusable for seconds."""
    return ["nodad"] if ":" in address else []


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}"
