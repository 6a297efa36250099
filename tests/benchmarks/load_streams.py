"""Quantiles at 100 streams on one connection: the driver's, h2load's, and the service's own.

    python -m tests.benchmarks.load_streams [--seconds S] [--rounds N]

The service is nginx over HTTP/2 in front of ``tests/services/http.c``, whose delays are spread
evenly, so that their quantiles are known.  Both tools send on schedule at the same rate, in turns.
h2load's clock begins when it sends a request; the driver's, by which is judged, when it was due.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import LoadProcess
from socklat_gate.scenario import Load
from tests.benchmarks.markdown import table

PORT, BEHIND = 18383, 18384
STREAMS = 100
RATE = 150
"""A second; of 500 ms each, 75 are in flight, so that none has to wait for a stream."""
DELAY_MS, SPREAD_MS = 400.0, 200.0
"""So long that what a busy machine adds is little beside them."""
QUANTILES = (0.5, 0.75, 0.9, 0.99)
WARM_UP_S = 1.0
SERVER_CPU, DRIVER_CPU = "1", "0"
HTTP_C = Path(__file__).parents[1] / "services" / "http.c"

CONFIG = """
worker_processes 1;
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  http2_max_concurrent_streams 128;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream behind {{ server 127.0.0.1:{behind}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} http2;
    location / {{
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""

Ms = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """Times of all requests in ms by either tool, and how many of them failed.

    ``sent`` are the driver's from sending on, ``due`` from the due time on.
    """

    sent: Ms
    due: Ms
    theirs: Ms
    failed: int


@contextmanager
def service() -> Iterator[None]:
    """Both processes on one CPU."""
    directory = Path(tempfile.mkdtemp(prefix="socklat-streams-"))
    config, binary = directory / "nginx.conf", directory / "http"
    config.write_text(CONFIG.format(directory=directory, port=PORT, behind=BEHIND))
    subprocess.run(["gcc", "-O2", "-pthread", "-o", binary, HTTP_C], check=True)
    delays = ["--delay", f"{1e3 * DELAY_MS:.0f}", "--spread", f"{1e3 * SPREAD_MS:.0f}"]
    pinned = ["taskset", "-c", SERVER_CPU]
    commands = (
        [*pinned, str(binary), "--port", str(BEHIND), *delays],
        [*pinned, "nginx", "-c", str(config), "-p", str(directory)],
    )
    processes = [subprocess.Popen(command) for command in commands]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def ours_ms(seconds: float, seed: int) -> tuple[Ms, Ms, int]:
    """By the built-in driver, from sending and from the due time on; failed ones."""
    load = Load.model_validate(
        {
            "driver": "http",
            "http": "2",
            "streams": STREAMS,
            "connections": 1,
            "rate": RATE,
            "arrivals": "constant",
            "duration_s": seconds,
            "warmup_s": WARM_UP_S,
            "cpuset": DRIVER_CPU,
        }
    )
    with LoadProcess(load, [Endpoint("127.0.0.1", PORT)], seed) as driver:
        driver.connect()
        window = driver.start(time.monotonic_ns() + 200_000_000)
        (counts,) = driver.wait()
        calls = driver.sent()
    assert calls is not None, "a load with streams says what it sent"
    calls = calls[(calls["due_ns"] >= window.from_ns) & (calls["done_ns"] > 0)]
    sent, due = ((calls["done_ns"] - calls[since]) / 1e6 for since in ("sent_ns", "due_ns"))
    return sent, due, counts.errors


def theirs_ms(seconds: float) -> tuple[Ms, int]:
    """By h2load's own clock, from its log of requests."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "requests"
        command = ["taskset", "-c", DRIVER_CPU, "h2load", "-t1", "-c1", f"-m{STREAMS}"]
        timing = [f"--rps={RATE}", "-D", f"{seconds:g}", f"--warm-up-time={WARM_UP_S:g}"]
        at = f"http://127.0.0.1:{PORT}/"
        subprocess.run(
            [*command, *timing, f"--log-file={log}", at], check=True, capture_output=True
        )
        rows = np.loadtxt(log, dtype=np.int64, usecols=(0, 1, 2))
    good = rows[:, 1] == 200
    return rows[good, 2] / 1e3, int(np.count_nonzero(~good))


def measure(seconds: float, rounds: int) -> Found:
    """Both tools in turns."""
    sent: list[Ms] = []
    due: list[Ms] = []
    theirs: list[Ms] = []
    failed = 0
    for number in range(rounds):
        from_sending, from_due, bad = ours_ms(seconds, number)
        sent.append(from_sending)
        due.append(from_due)
        times, theirs_bad = theirs_ms(seconds)
        theirs.append(times)
        failed += bad + theirs_bad
    return Found(np.concatenate(sent), np.concatenate(due), np.concatenate(theirs), failed)


def rows_of(found: Found) -> list[list[str]]:
    """Each quantile by the service's delays and by both tools, and the driver's to h2load's."""
    rows = []
    for quantile in QUANTILES:
        theirs, sent, due = (
            float(np.quantile(times, quantile)) for times in (found.theirs, found.sent, found.due)
        )
        times = DELAY_MS + quantile * SPREAD_MS, theirs, sent, due
        ratios = (f"{ours / theirs - 1:+.2%}" for ours in (sent, due))
        rows.append([f"p{100 * quantile:g}", *(f"{one:.2f}" for one in times), *ratios])
    return rows


def section(seconds: float, rounds: int) -> str:
    """The part of docs/lab/load.md."""
    with service():
        found = measure(seconds, rounds)
    ours = ["built-in from sending, ms", "from the due time, ms"]
    columns = ["", "delays, ms", "h2load, ms", *ours, "from sending", "from the due time"]
    return (
        f"## {STREAMS} streams on one connection\n\n"
        f"nginx in front of a service whose delays are spread evenly over {DELAY_MS:g} to "
        f"{DELAY_MS + SPREAD_MS:g} ms, {RATE:,}\nrequests a second by schedule (h2load `--rps`), "
        f"{rounds} times {seconds:g} s each in turns: {found.due.size:,} and\n"
        f"{found.theirs.size:,} requests, {found.failed} failed.\n\n"
        + table(columns, rows_of(found))
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    print(section(options.seconds, options.rounds))


if __name__ == "__main__":
    main()
