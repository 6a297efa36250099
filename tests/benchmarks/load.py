"""What the built-in driver delivers beside packaged load tools, as markdown.

    python -m tests.benchmarks.load [--seconds S] [--rates R,R,...]

The server is nginx on loopback, one worker on CPU 1; every tool runs on CPU 0.  An open loop is
asked for a rate and shows how late it was; closed loops send as fast as responses come.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.scenario import Load
from tests.benchmarks import load_streams
from tests.benchmarks.markdown import table

HTTP, HTTPS, HTTP2 = 18181, 18443, 18282
CONNECTIONS = 32
FRESH_RATES = (250.0, 500.0, 1000.0)
SHARED = {"HTTP, one request": (25_000.0, 40_000.0), "HTTP/2, one request": (15_000.0, 25_000.0)}
"""Rates at which several workers are compared with one."""
ROUNDS = 3
PAUSE_S = 0.5
PAUSED_RATE = 2000.0
TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CPU, DRIVER_CPU = 1, 0

CONFIG = """
worker_processes 1;
worker_cpu_affinity 10;
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  ssl_certificate {directory}/cert.pem;
  ssl_certificate_key {directory}/key.pem;
  server {{ listen 127.0.0.1:{http}; location / {{ return 200 '{{"ok": true}}\\n'; }} }}
  server {{ listen 127.0.0.1:{http2} http2; location / {{ return 200 '{{"ok": true}}\\n'; }} }}
  server {{ listen 127.0.0.1:{https} ssl; location / {{ return 200 '{{"ok": true}}\\n'; }} }}
}}
"""

USERS = "id,token\n" + "".join(f"{at},{at * 7919:08x}\n" for at in range(1000))


@contextmanager
def nginx() -> Iterator[subprocess.Popen[bytes]]:
    """The server; its process is the master."""
    directory = Path(tempfile.mkdtemp(prefix="socklat-load-"))
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    paths = ["-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"]
    subprocess.run([*key, *paths, "-subj", "/CN=localhost"], check=True, capture_output=True)
    config = directory / "nginx.conf"
    config.write_text(CONFIG.format(directory=directory, http=HTTP, https=HTTPS, http2=HTTP2))
    server = subprocess.Popen(["nginx", "-c", str(config), "-p", str(directory)])
    try:
        time.sleep(0.5)
        yield server
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)


def mix(directory: Path) -> dict[str, Any]:
    """Ten named requests, half of them with templates, all with an expectation."""
    (directory / "users.csv").write_text(USERS)
    requests = [
        {"name": f"plain{at}", "path": f"/items/{at}", "weight": 1 + at} for at in range(5)
    ] + [
        {
            "name": f"user{at}",
            "path": "/users/{id}?page={random_int:1:50}",
            "headers": {"x-token": "{token}", "x-request-id": "{uuid}"},
        }
        for at in range(5)
    ]
    return {
        "request": requests,
        "feeder": str(directory / "users.csv"),
        "expect": {"status": [200], "text": "ok"},
    }


@dataclass(frozen=True, slots=True)
class Driven:
    """Counts of a run, and the part of a core that the driver took."""

    counts: LoadCounts
    share: float


def drive(port: int, rate: float, seconds: float, options: dict[str, Any]) -> Driven:
    load = Load.model_validate(
        {
            "driver": "http",
            "rate": rate,
            "duration_s": seconds,
            "warmup_s": 1.0,
            "connections": CONNECTIONS,
            "cpuset": str(DRIVER_CPU),
            **options,
        }
    )
    with LoadProcess(load, [Endpoint("127.0.0.1", port)], 1) as driver:
        driver.connect()
        pids = driver.pids()
        window = driver.start(time.monotonic_ns() + 100_000_000)
        marks: list[tuple[float, float]] = []

        def poll() -> None:
            if window.from_ns <= time.monotonic_ns() <= window.to_ns:
                marks.append((time.monotonic(), sum(map(cpu_s, pids))))

        (counts,) = driver.wait(poll=poll)
    (begun_s, before_s), (ended_s, after_s) = marks[0], marks[-1]
    return Driven(counts, (after_s - before_s) / (ended_s - begun_s))


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, in user and kernel."""
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


Kind = tuple[str, int, dict[str, Any]]


def kinds_of(directory: Path) -> list[Kind]:
    """What each row of the first table sends."""
    return [
        ("HTTP, one request", HTTP, {}),
        ("HTTP, ten requests, feeder, checked", HTTP, mix(directory)),
        ("HTTPS, one request", HTTPS, {"tls": {"insecure": True}}),
        ("HTTP/2, one request", HTTP2, {"http": "2"}),
        ("HTTP, a connection for each", HTTP, {"keep_alive": False}),
        ("HTTPS, a connection for each", HTTPS, {"keep_alive": False, "tls": {"insecure": True}}),
    ]


def own_rows(rates: Sequence[float], seconds: float, kinds: Sequence[Kind]) -> list[list[str]]:
    return [
        cells(name, rate, drive(port, rate, seconds, options))
        for name, port, options in kinds
        for rate in (rates if options.get("keep_alive", True) else FRESH_RATES)
    ]


def shared_rows(seconds: float, kinds: Sequence[Kind]) -> list[list[str]]:
    """One worker on the CPU of the first table, and one and two of them on all CPUs."""
    both = f"{DRIVER_CPU},{SERVER_CPU}"
    ways = [
        ("1, on its CPU", {"workers": 1}),
        ("1, on both CPUs", {"workers": 1, "cpuset": both}),
        ("2, on both CPUs", {"workers": 2, "cpuset": both}),
    ]
    return [
        [workers, *cells(name, rate, drive(port, rate, seconds, {**options, **more}))]
        for name, port, options in kinds
        for rate in SHARED.get(name, ())
        for workers, more in ways
    ]


def cells(name: str, rate: float, found: Driven) -> list[str]:
    counts = found.counts
    return [
        name,
        f"{rate:,.0f}",
        f"{counts.responded / counts.planned:.2%}",
        str(counts.errors),
        f"{found.share:.2f}",
        f"{1e6 * found.share / rate:.1f}",
        f"{counts.late_p99_ns / 1e6:.2f}",
        f"{counts.client.quantile_ns(0.5) / 1e6:.2f}",
        f"{counts.client.quantile_ns(0.99) / 1e6:.2f}",
    ]


def tools(seconds: float) -> dict[str, list[str]]:
    """Command lines on one core; ``ab`` and ``hey`` count requests or seconds."""
    at = f"http://127.0.0.1:{HTTP}/"
    many, s = str(CONNECTIONS), f"{seconds:g}"
    return {
        "wrk": ["wrk", "-t1", f"-c{many}", f"-d{s}s", "--latency", at],
        "wrk, TLS": ["wrk", "-t1", f"-c{many}", f"-d{s}s", f"https://127.0.0.1:{HTTPS}/"],
        "h2load, HTTP/1.1": ["h2load", "--h1", "-t1", f"-c{many}", "-D", s, at],
        "h2load, HTTP/2": [
            *("h2load", "-t1", f"-c{many}", "-m1", "-D", s),
            f"http://127.0.0.1:{HTTP2}/",
        ],
        "ab": ["ab", "-q", "-k", "-c", many, "-t", s, "-n", "10000000", at],
        "hey": ["hey", "-cpus", "1", "-c", many, "-z", f"{s}s", at],
    }


RATES = (
    r"Requests/sec:\s+([0-9.]+)",
    r"([0-9.]+) req/s,",
    r"Requests per second:\s+([0-9.]+)",
)


def run_tool(argv: list[str]) -> tuple[float, float, str]:
    """Requests a second, CPU share of a core, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_s = time.monotonic()
    done = subprocess.run(
        ["taskset", "-c", str(DRIVER_CPU), *argv], capture_output=True, text=True, check=True
    )
    took_s = time.monotonic() - started_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    printed = done.stdout + done.stderr
    rate = next(float(m[1]) for pattern in RATES if (m := re.search(pattern, printed)))
    return rate, used_s / took_s, printed


P99 = (
    r"99%\s+([0-9.]+)(us|ms|s)\b",
    r"99% in ([0-9.]+) (secs)",
    r"\n\s+99%\s+([0-9]+)()\n",
)
TO_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "secs": 1e3, "": 1.0}


def reported_p99_ms(printed: str) -> float | None:
    for pattern in P99:
        if found := re.search(pattern, printed):
            return float(found[1]) * TO_MS[found[2]]
    return None


def pause(server: subprocess.Popen[bytes], after_s: float) -> threading.Timer:
    """Stops the server's worker once, for `PAUSE_S`."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii").split()

    def stop() -> None:
        for child in children:
            os.kill(int(child), signal.SIGSTOP)
        time.sleep(PAUSE_S)
        for child in children:
            os.kill(int(child), signal.SIGCONT)

    timer = threading.Timer(after_s, stop)
    timer.start()
    return timer


def paused_rows(server: subprocess.Popen[bytes], seconds: float) -> list[list[str]]:
    """What each reports when the server stops once; the truth follows from the schedule."""
    hidden = PAUSE_S - 0.01 * seconds  # of the waits, which are evenly spread, 1% of all are longer
    rows = [["truth at a steady rate", f"{PAUSED_RATE:,.0f}", f"{1e3 * hidden:.0f}"]]
    timer = pause(server, 1.0 + seconds / 2)
    counts = drive(HTTP, PAUSED_RATE, seconds, {"arrivals": "constant"}).counts
    timer.join()
    p99_ms = counts.client.quantile_ns(0.99) / 1e6
    rows.append(["the built-in driver", f"{counts.planned / seconds:,.0f}", f"{p99_ms:.0f}"])
    for name, argv in tools(seconds).items():
        if name not in ("wrk", "ab", "hey"):
            continue
        timer = pause(server, seconds / 2)
        rate, _, printed = run_tool(argv)
        timer.join()
        told = reported_p99_ms(printed)
        rows.append([name, f"{rate:,.0f}", "not said" if told is None else f"{told:.2f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rates", default="5000,10000,15000,20000,25000")
    options = parser.parse_args()
    rates = [float(rate) for rate in options.rates.split(",")]
    scratch = Path(tempfile.mkdtemp(prefix="socklat-load-"))
    try:
        with nginx() as server:
            kinds = kinds_of(scratch)
            own = own_rows(rates, options.seconds, kinds)
            shared = shared_rows(options.seconds, kinds)
            others = []
            for name, argv in tools(options.seconds).items():
                rate, share, _ = run_tool(argv)
                others.append([name, f"{rate:,.0f}", f"{share:.2f}", f"{1e6 * share / rate:.1f}"])
            paused = paused_rows(server, options.seconds)
    finally:
        shutil.rmtree(scratch)
    print(
        f"nginx on loopback with one worker on CPU {SERVER_CPU}, tools on CPU {DRIVER_CPU}, "
        f"{CONNECTIONS} connections, {options.seconds:g} s.\n"
    )
    print("## The built-in driver, an open loop\n")
    titles = ["load", "requests/s asked", "responded", "errors", "cores", "us/request"]
    late = ["late, p99 ms", "client p50 ms", "client p99 ms"]
    print(table([*titles, *late], own))
    print("\n## Several workers\n")
    print(
        "They share the schedule (`load.workers`). Here the second one shares a CPU with the "
        "server, which works\nfor its requests, too; `auto` has more than one from 4 CPUs on.\n"
    )
    print(table(["workers", *titles, *late], shared))
    print("\n## Packaged tools, closed loops as fast as they can\n")
    print(table(["tool", "requests/s", "cores", "us/request"], others))
    print(f"\n## When the server stops once for {1e3 * PAUSE_S:.0f} ms\n")
    print(table(["tool", "requests/s", "p99 it reports, ms"], paused))
    print("\nwrk adds by itself what its closed loop left out; ab and hey do not.\n")
    print(load_streams.section(options.seconds, ROUNDS))


if __name__ == "__main__":
    main()
