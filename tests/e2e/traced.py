"""What trace tests look at: a service that runs as a user would have it, and load on it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from typing import Any

from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.scenario import Load
from tests.e2e.scenarios import DELAY_TAG

__all__ = [
    "CONNECTIONS",
    "PORT",
    "REQUESTS",
    "RESPONSES",
    "WAIT_US",
    "Container",
    "drive",
    "next_line",
    "wait_for",
]

PORT = 7000
REQUESTS = 211
CONNECTIONS = 8
LENGTH = 16
WAIT_US = 2_000
RESPONSES = ["--before-response", str(WAIT_US)]


class Container:
    """A service of ours that runs, as a user would have it: nothing about it is the gate's."""

    def __init__(self, client: Any, name: str, command: list[str], **options: Any) -> None:
        self.name = name
        self.api = client.api
        self._container = client.containers.run(
            DELAY_TAG, command, name=name, detach=True, **options
        )
        self._container.reload()
        networks = self._container.attrs["NetworkSettings"]["Networks"]
        self.host = next(iter(networks.values()))["IPAddress"] or "127.0.0.1"
        self.pid = int(self._container.attrs["State"]["Pid"])
        self.id = str(self._container.id)

    def remove(self) -> None:
        self._container.remove(force=True)

    def kill(self) -> None:
        self._container.kill()


def drive(host: str, port: int = PORT) -> LoadCounts:
    """`REQUESTS` requests over half a second, on `CONNECTIONS` connections and no more.

    A machine that takes the CPU away would make the driver open further ones.
    """
    load = Load.model_validate(
        {
            "rate": REQUESTS / 0.5,
            "arrivals": "constant",
            "duration_s": 0.5,
            "warmup_s": 0.0,
            "connections": CONNECTIONS,
            "max_connections": CONNECTIONS,
            "payload": "x" * LENGTH,
            "response": LENGTH,
        }
    )
    with LoadProcess(load, [Endpoint(host, port)], seed=1) as driver:
        driver.connect()
        driver.start(time.monotonic_ns() + 150_000_000)
        return driver.wait()[0]


def wait_for(host: str, port: int) -> None:
    deadline_s = time.monotonic() + 120
    while True:
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        else:
            return


def next_line(process: subprocess.Popen[bytes]) -> Any:
    """The next line of JSON; the first one comes when it watches."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())
