"""Loads the probe with whatever this process may do, and says as JSON what it measures."""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path

from socklat_gate.probe.probe import SocketProbe

EXCHANGES = 7
EVER_NS = 2**63


def serve(listener: socket.socket) -> None:
    peer, _ = listener.accept()
    with peer:
        while data := peer.recv(16):
            peer.sendall(data)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, SocketProbe(detail="full", stalls=True) as probe:
        port = listener.getsockname()[1]
        probe.watch(0, os.stat("/proc/self/ns/net").st_ino, port, shared=True)
        probe.record_between(0, 0, EVER_NS)
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        with socket.create_connection(("127.0.0.1", port)) as client:
            for _ in range(EXCHANGES):
                client.sendall(b"ask")
                client.recv(16)
        server.join()
        reading = probe.read(0)
        found = {
            "uid": os.getuid(),
            "effective": status("CapEff"),
            "stages": probe.stages,
            "hooks": probe.hooks,
            "recorded": reading.counters["recorded"],
            "service": reading.histograms["service"].total,
            "histograms": list(reading.histograms),
            "missed": probe.missed(),
        }
    print(json.dumps(found))  # noqa: T201 - its output is what it is for


def status(name: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1], 16)


if __name__ == "__main__":
    main()
