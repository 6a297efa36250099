"""The built-in driver over TLS against a known service: counts exactly, stages as in clear HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from socklat_gate.job.named_requests import traffic_of
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import make_load
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.records import Records
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading
from socklat_gate.scenario import Load
from tests.certificates import Issued, issue
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    BUCKET,
    EMULATED,
    EVER_NS,
    PORT,
    SLACK_NS,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    running,
)

pytestmark = [pytest.mark.kernel, pytest.mark.row]

SERVER = Path(__file__).parents[1] / "services" / "https.py"
WAIT_US = 3000
RATE = 30.0 if EMULATED else 150.0  # a handshake takes an emulated CPU tens of ms
# On an emulated CPU half of them: each takes 20 s.
VARIANTS = [("1.2", 0), ("1.3", 2), *([] if EMULATED else [("1.2", 2), ("1.3", 0)])]
CRYPTO_NS = 400_000
"""What Python takes between the kernel's read and the service's, and before its write: on hardware.
Under emulation it is milliseconds, and only the service's own bounds hold."""


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue(tmp_path_factory.mktemp("tls"), "server")


@dataclass(frozen=True)
class Measured:
    reading: Reading
    counts: LoadCounts
    sent: Records
    logged: Records
    spans_ns: tuple[tuple[int, int], ...]
    """Least and most of ``app`` for each response, as the service saw it."""

    @property
    def counters(self) -> Mapping[str, int]:
        return self.reading.counters


def load_of(issued: Issued | None, **changes: Any) -> Load:
    document = {
        "driver": "http",
        "rate": RATE,
        "connections": 8,
        "duration_s": 1.5,
        "warmup_s": 0.0,
        "request": [{"name": "first", "path": "/1"}, {"name": "second", "path": "/22"}],
        "tls": None if issued is None else {"ca_file": str(issued.cert_file)},
    }
    return Load.model_validate(document | changes)


@contextmanager
def service(lab: Lab, issued: Issued, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-P", str(SERVER), str(PORT), str(issued.both), str(WAIT_US)]
    with running(lab.run_inside(*command, *options)) as process:
        await_listening(process, PORT)
        yield process


def measure(lab: Lab, probe: SocketProbe, load: Load, issued: Issued, *options: str) -> Measured:
    """A whole load, of which the probe records everything."""
    probe.drain()
    with service(lab, issued, *options) as process:
        probe.watch(0, lab.netns_inode, PORT, apart=True)
        try:
            # From before the first handshake on: nothing is left out by a window.
            probe.record_between(0, 0, EVER_NS, 1, 0, traffic_of(load))
            with make_load(load, [Endpoint(lab.inside4, PORT)], 7, "request", 100.0) as driver:
                driver.connect()
                driver.start(time.monotonic_ns() + 50_000_000)
                (counts,) = driver.wait()
                sent = driver.sent()
            eventually(lambda: not open_connections(probe, lab.netns_inode))
            logged, _ = probe.drain()
            reading = probe.read(0)
        finally:
            probe.forget(0)
        process.send_signal(signal.SIGTERM)
        told = json.loads(process.communicate(timeout=10.0)[0])
    assert sent is not None
    return Measured(reading, counts, sent, logged, tuple((least, most) for least, most in told))


def assert_exact(measured: Measured) -> None:
    """Each request is an exchange, on the connection on which it was sent, and nothing else is."""
    counters, counts = measured.counters, measured.counts
    assert_balanced(dict(counters))
    assert (counts.errors, counts.first_error) == (0, "")
    assert counters["seen"] == counters["recorded"] == counts.responded_total == counts.planned
    assert len(measured.spans_ns) == counts.planned
    assert counters["overlapped"] == counters["unread"] == 0
    assert measured.logged.size == measured.sent.size == counts.planned
    by_connection = [
        sorted(zip(rows[port].tolist(), rows["ordinal"].tolist(), strict=True))
        for rows, port in ((measured.logged, "peer_port"), (measured.sent, "port"))
    ]
    assert by_connection[0] == by_connection[1]


def assert_true(measured: Measured, *, alone: bool = False) -> None:
    """``app`` is the service's own time, and the stages that have it as a part are no shorter.

    ``alone``: nothing else has the CPUs, so that it is not much longer either.
    """
    least_ns, most_ns = np.median(measured.spans_ns, axis=0)
    medians_ns = {
        stage: measured.reading.histograms[stage].quantile_ns(0.5)
        for stage in ("app", "service", "response")
    }
    assert min(medians_ns.values()) >= least_ns / BUCKET - SLACK_NS, (medians_ns, least_ns)
    assert medians_ns["app"] <= most_ns * BUCKET, (medians_ns, most_ns)
    if alone and not EMULATED:
        assert medians_ns["app"] <= least_ns * BUCKET + CRYPTO_NS, (medians_ns, least_ns)


@pytest.mark.beside
@pytest.mark.parametrize(("version", "tickets"), VARIANTS)
def test_requests_over_tls_are_counted_exactly(
    lab: Lab, probe: SocketProbe, issued: Issued, version: str, tickets: int
) -> None:
    options = ["--version", version, "--tickets", str(tickets)]
    measured = measure(lab, probe, load_of(issued), issued, *options)
    assert_exact(measured)
    assert_true(measured)
    handshakes = measured.counts.handshakes
    assert handshakes is not None
    # A pause of the machine opens another connection on top.
    assert handshakes.total == 8 + measured.counts.grown


@pytest.mark.beside
@pytest.mark.parametrize(("version", "tickets"), VARIANTS)
def test_so_are_those_that_have_a_connection_each(
    lab: Lab, probe: SocketProbe, issued: Issued, version: str, tickets: int
) -> None:
    options = ["--version", version, "--tickets", str(tickets), "--close"]
    load = load_of(issued, keep_alive=False)
    measured = measure(lab, probe, load, issued, *options)
    assert_exact(measured)
    assert_true(measured)
    handshakes, answers = measured.counts.handshakes, measured.counts.answers
    assert handshakes is not None
    assert answers is not None
    assert handshakes.total == measured.counts.planned + 1  # one showed that the service is there
    assert (answers.opened, answers.lost) == (measured.counts.planned, 0)
    assert set(measured.logged["ordinal"]) == {1}


@pytest.mark.beside
@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept", "not-kept"])
def test_so_are_those_of_two_workers(
    lab: Lab, probe: SocketProbe, issued: Issued, keep_alive: bool
) -> None:
    """By the service itself, the kernel and the driver, connection by connection."""
    options = [] if keep_alive else ["--close"]
    load = load_of(issued, keep_alive=keep_alive, workers=2)
    measured = measure(lab, probe, load, issued, *options)
    assert_exact(measured)
    handshakes = measured.counts.handshakes
    assert handshakes is not None
    # One of each worker showed that the service is there.
    kept = 8 + measured.counts.grown  # late requests find further connections
    assert handshakes.total == (kept if keep_alive else measured.counts.planned + 2)


@pytest.mark.beside
def test_a_connection_each_without_tls(lab: Lab, probe: SocketProbe, issued: Issued) -> None:
    load = load_of(None, keep_alive=False)
    measured = measure(lab, probe, load, issued, "--plain", "--close")
    assert_exact(measured)
    assert_true(measured)


@pytest.mark.parametrize("version", ["1.3"] if EMULATED else ["1.3", "1.2"])
def test_stages_are_those_of_clear_http(
    lab: Lab, probe: SocketProbe, issued: Issued, version: str
) -> None:
    """Beside what encryption itself takes: the same service, the same load."""
    clear = measure(lab, probe, load_of(None), issued, "--plain")
    secured = measure(lab, probe, load_of(issued), issued, "--version", version)
    for one in (clear, secured):
        assert_exact(one)
        assert_true(one, alone=True)
    if EMULATED:
        return  # encryption itself takes longer than what is waited for
    for stage in ("app", "response"):
        both = [one.reading.histograms[stage].quantile_ns(0.5) for one in (clear, secured)]
        assert both[1] == pytest.approx(both[0], rel=0.02, abs=CRYPTO_NS), stage
