"""How fast the driver is on one core: one endpoint against ten, with templates, feeder and checks.

python -m tests.benchmarks.load_speed [--rates 10000,25000] [--seconds 5] [--connections 64]

Against ``tests/services/http.c`` and ``echo.c`` on the loopback interface: the driver runs on CPU
0, the service on CPU 1.  Lateness is how long after its time a request was handled by the driver;
what the clients waited counts from then on, too (no coordinated omission).
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import LoadProcess
from socklat_gate.scenario import Load

SOURCES = Path(__file__).parents[1] / "services"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
ROWS = 10_000
LEAD_NS = 200_000_000
EXPECT = {"status": [200], "min_bytes": 2, "text": "ok"}


def ten_requests() -> list[dict[str, Any]]:
    """Four that are the same every time, five with columns and built-ins, one with a body."""
    fixed = [{"name": f"fixed{at}", "path": f"/fixed/{at}"} for at in range(4)]
    filled = [
        {
            "name": f"user{at}",
            "path": f"/users/{{id}}/{at}?q={{term}}",
            "headers": {"X-Request-Id": "{uuid}"},
        }
        for at in range(5)
    ]
    body = '{"id": {id}, "name": "{term}", "amount": {random_int:1:1000}}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": "{uuid}"}
    order = {"name": "order", "method": "POST", "path": "/orders", "body": body, "headers": headers}
    return [*fixed, *filled, order]


def loads(directory: Path) -> dict[str, dict[str, Any]]:
    """By what they show."""
    rows = "".join(f"{number},term-{number % 97}\n" for number in range(ROWS))
    (directory / "users.csv").write_text(f"id,term\n{rows}")
    mix = {"request": ten_requests(), "feeder": "users.csv"}
    return {
        "one endpoint": {},
        "one endpoint, checked": {"expect": EXPECT},
        "one endpoint, one column": {"path": "/users/{id}", "feeder": "users.csv"},
        "ten endpoints, all alike": {
            "request": [{"name": f"r{at}", "path": f"/{at}"} for at in range(10)]
        },
        "ten endpoints, feeder, checked": {**mix, "expect": EXPECT},
    }


@contextmanager
def service(directory: Path) -> Iterator[int]:
    """`http.c` on CPU 1; its port."""
    binary = directory / "http"
    source = SOURCES / "http.c"
    subprocess.run(["gcc", "-O2", "-pthread", "-o", binary, source], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["taskset", "-c", "1", binary, "--port", str(port), "--delay", "0"]
    process = subprocess.Popen(command)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, in user and kernel."""
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * TICK_S


def measure(load: Load, port: int) -> list[str]:
    """The cells of a row."""
    with LoadProcess(load, [Endpoint("127.0.0.1", port)], 1) as driver:
        driver.connect()
        pids = driver.pids()
        marks = [(time.monotonic(), sum(map(cpu_s, pids)))]
        driver.start(time.monotonic_ns() + LEAD_NS)
        (counts,) = driver.wait(
            poll=lambda: marks.append((time.monotonic(), sum(map(cpu_s, pids))))
        )
    used_s, took_s = marks[-1][1] - marks[0][1], marks[-1][0] - marks[0][0]
    per_s = counts.responded_total / took_s
    p50, p99 = (counts.client.quantile_ns(quantile) / 1e6 for quantile in (0.5, 0.99))
    return [
        f"{per_s:.0f}",
        f"{counts.errors}",
        f"{used_s / took_s:.2f}",
        f"{1e6 * used_s / counts.responded_total:.1f}",
        f"{counts.late_p99_ns / 1e6:.2f}",
        f"{p50:.2f}",
        f"{p99:.2f}",
    ]


def load_of(options: Mapping[str, Any], directory: Path) -> Load:
    """Validated as a scenario is, with its files in ``directory``."""
    common = {"driver": "http", "cpuset": "0", "max_errors": 1.0}
    return Load.model_validate({**common, **options}, context={"directory": directory})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="10000,25000")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    print("| load | planned/s | responses/s | errors | driver's CPU | us/request |", end="")
    print(" late p99 ms | client p50 ms | client p99 ms |")
    print("|:--|" + "--:|" * 8)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with service(directory) as port:
            time.sleep(0.2)
            for what, settings in loads(directory).items():
                for rate in map(float, options.rates.split(",")):
                    shape = {"rate": rate, "duration_s": options.seconds}
                    of_all = {"connections": options.connections, **shape}
                    cells = measure(load_of({**settings, **of_all}, directory), port)
                    print(f"| {what} | {rate:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
