"""What the driver takes for requests over TLS: CPU time of its own, lateness, what it delivers.

python -m tests.benchmarks.load_tls HOST [--rates 5000,10000,15000] [--seconds 5] [--service-cpu 1]

``HOST`` is where the image of ``ci/images/nginx-tls`` listens: 8080 without and 8443 with TLS.  The
driver runs on CPU 0; put the service on another one.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.scenario import Load

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
LOADS: dict[str, tuple[int, dict[str, Any]]] = {
    "HTTP": (8080, {}),
    "HTTPS": (8443, {"tls": {"insecure": True}}),
    "HTTP, a connection a request": (8080, {"keep_alive": False}),
    "HTTPS, a connection a request": (8443, {"keep_alive": False, "tls": {"insecure": True}}),
}


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, in user and kernel."""
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * TICK_S


def measure(host: str, port: int, rate: float, seconds: float, options: dict[str, Any]) -> str:
    """A row of the table."""
    load = Load.model_validate(
        {
            "driver": "http",
            "rate": rate,
            "duration_s": seconds,
            "connections": 32,
            "cpuset": "0",
            **options,
        }
    )
    with LoadProcess(load, [Endpoint(host, port)], 1) as driver:
        driver.connect()
        (pid,) = driver.pids()
        window = driver.start(time.monotonic_ns() + 100_000_000)
        marks: list[tuple[float, float]] = []

        def poll() -> None:
            if window.from_ns <= time.monotonic_ns() <= window.to_ns:
                marks.append((time.monotonic(), cpu_s(pid)))

        (counts,) = driver.wait(poll=poll)
    (begun_s, before_s), (ended_s, after_s) = marks[0], marks[-1]
    share = (after_s - before_s) / (ended_s - begun_s)
    p50, p99 = (counts.client.quantile_ns(quantile) / 1e6 for quantile in (0.5, 0.99))
    shaken = counts.handshakes.quantile_ns(0.5) / 1e6 if counts.handshakes else None
    cells = (
        f"{rate:g}",
        f"{counts.responded / counts.planned:.2%}",
        f"{counts.errors}",
        f"{share:.2f}",
        f"{1e6 * share / rate:.1f}",
        f"{counts.late_p99_ns / 1e6:.2f}",
        f"{p50:.2f}",
        f"{p99:.2f}",
        "-" if shaken is None else f"{shaken:.2f}",
    )
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("--rates", default="5000,10000,15000,20000")
    parser.add_argument("--fresh-rates", default="200,400,800")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    print(
        "| load | requests/s | responded | errors | driver's CPU | us/request | late p99 ms |",
        end="",
    )
    print(" client p50 ms | client p99 ms | handshake p50 ms |")
    print("|:--|" + "--:|" * 9)
    for name, (port, settings) in LOADS.items():
        rates = options.rates if settings.get("keep_alive", True) else options.fresh_rates
        for rate in map(float, rates.split(",")):
            row = measure(options.host, port, rate, options.seconds, settings)
            print(f"| {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
