"""The stages of full detail against ground truth: the way in, the way out, waiting for a CPU."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from socklat_gate.measured.histogram import Histogram
from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import BridgedLab, Lab
from tests.conformance.record import Compared, note
from tests.conformance.stand import (
    REQUEST,
    Account,
    Bounds,
    Stand,
    ask,
    assert_balanced,
    assert_true,
    contended,
    eventually,
    open_connections,
)

pytestmark = [pytest.mark.kernel]

REQUESTS = 53  # prime
DELAY_MS = 10
PAUSE_S = 0.005
WAKEUP_NS = 20_000  # between the scheduler's own clock readings and its tracepoints
BIG = 3_000_000
UNPROCESSED = 3  # SYN and ACK, before there is a socket, and the last ACK, with which it is gone


def ask_idle(stand: Stand) -> list[int]:
    """All requests over one connection; gives when each was sent, in ns.

    Pauses let the service finish its response: a segment that meets a socket in use is put off, to
    be processed elsewhere, and its way to the socket is not known then.
    """
    sending_ns = []
    with stand.connect() as client:
        for _ in range(REQUESTS):
            time.sleep(PAUSE_S)
            sending_ns.append(time.monotonic_ns())
            ask(client, REQUEST, len(REQUEST))
    return sending_ns


def served(stand: Stand) -> Account:
    """The service's account at its end."""
    account = stand.finish()
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert counters["seen"] == counters["recorded"] == REQUESTS
    return account


def needs(probe: SocketProbe, stage: str) -> None:
    if stage not in probe.stages:
        pytest.skip(f"{stage} is not measured with these hooks: {probe.hooks}")


def test_rx_stack_lies_between_the_stamp_on_the_segment_and_the_wakeup(
    lab: Lab, full_probe: SocketProbe
) -> None:
    with Stand(lab, full_probe, before_response=500) as stand:
        ask_idle(stand)
        account = served(stand)
    # The kernel stamps a segment just before it shows it to netif_receive_skb.
    most = account["polled"] - account["arrived"]
    assert_true(account.reading, "rx_stack", Bounds(np.zeros_like(most), most // 2, most))


def test_tx_stack_holds_what_the_qdisc_holds_back(
    lab: Lab, full_probe: SocketProbe, netem: Callable[..., None]
) -> None:
    received_ns = []
    netem("delay", f"{DELAY_MS}ms", inwards=False)
    with Stand(lab, full_probe) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
                received_ns.append(time.monotonic_ns())
        account = stand.finish()
    least = np.full(REQUESTS, DELAY_MS * 1_000_000)
    most = np.array(received_ns) - account["before_first"]
    assert_true(account.reading, "tx_stack", Bounds(least, (least + most) // 2, most))


@pytest.fixture
def bridged() -> Iterator[BridgedLab]:
    lab = BridgedLab()
    with lab:
        yield lab


@pytest.mark.parametrize("delay_ms", [0, DELAY_MS])
def test_bridge_is_from_the_bridge_to_the_containers_device(
    bridged: BridgedLab, full_probe: SocketProbe, delay_ms: int
) -> None:
    """What holds packets back at the bridge's port is inside; here netem, where there is one."""
    if delay_ms:
        netem = ["tc", "qdisc", "add", "dev", bridged.device, "root", "netem"]
        netem += ["delay", f"{delay_ms}ms"]
        done = subprocess.run(netem, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no netem on this kernel: {done.stderr.strip()}")
    with Stand(bridged, full_probe) as stand:
        sending_ns = ask_idle(stand)
        account = served(stand)
    least = np.full(REQUESTS, delay_ms * 1_000_000)
    most = account["polled"] - np.array(sending_ns)
    assert account.reading.histograms["bridge"].quantile_ns(0.01) > 0
    assert_true(account.reading, "bridge", Bounds(least, (least + most) // 2, most))


def test_runq_is_part_of_what_the_scheduler_says(lab: Lab, full_probe: SocketProbe) -> None:
    with Stand(lab, full_probe) as stand, contended(stand.pid):
        before_ns = waited_ns(stand.pid)
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
            runq = full_probe.read(0).histograms["runq"]
            after_ns = waited_ns(stand.pid)
        assert stand.finish().responses == REQUESTS
    assert runq.total > 0
    # The scheduler also counts what a thread waits after it was preempted.
    most_ns = (after_ns - before_ns) / runq.total
    compared = Compared(least_ns=0, most_ns=most_ns, measured_ns=runq.mean_ns())
    note("runq", {"mean": compared})
    assert 0 < runq.mean_ns() <= most_ns * 1.02 + WAKEUP_NS, compared


def waited_ns(pid: int) -> int:
    """What the threads of a process have waited on run queues, as the scheduler counts it."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text("ascii").split()[1]) for path in tasks)


def test_rx_process_is_once_for_each_segment_that_the_namespace_received(
    lab: Lab, full_probe: SocketProbe
) -> None:
    needs(full_probe, "rx_process")
    with Stand(lab, full_probe, before_response=500) as stand:
        before, begin_ns = segments_in(stand.pid), time.monotonic_ns()
        ask_idle(stand)
        histogram, segments = processed(full_probe, lab, stand)
        took_ns = time.monotonic_ns() - begin_ns
        assert stand.finish().responses == REQUESTS
    assert histogram.total == segments - before - UNPROCESSED
    assert histogram.total >= REQUESTS
    most_ns = took_ns / histogram.total
    compared = Compared(least_ns=0, most_ns=most_ns, measured_ns=histogram.mean_ns())
    note("rx_process", {"mean": compared})
    # The socket's lock lets one segment in at a time.
    assert 0 < histogram.mean_ns() < most_ns
    # Of most segments it is a part of the way from the stamp to what the client sees of it.
    assert histogram.quantile_ns(0.5) < took_ns / REQUESTS


def test_rx_process_of_segments_that_waited_for_the_socket(
    lab: Lab, full_probe: SocketProbe
) -> None:
    """They are processed by the sending thread, which others' segments and CPUs interrupt."""
    needs(full_probe, "rx_process")
    connections = 3
    with Stand(lab, full_probe, response=BIG) as stand:
        before = segments_in(stand.pid)

        def load(_: int) -> None:
            with stand.connect() as client:
                for _ in range(3):
                    ask(client, REQUEST, BIG)

        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(load, range(connections)))
        histogram, segments = processed(full_probe, lab, stand)
    segments -= before + connections * UNPROCESSED
    if full_probe.hooks["process"].startswith("kprobe"):
        # The kernel skips a kprobe that interrupts another one's program on the same CPU.
        assert segments * 0.8 <= histogram.total <= segments
    else:
        assert histogram.total == segments


def processed(probe: SocketProbe, lab: Lab, stand: Stand) -> tuple[Histogram, int]:
    """rx_process and the segments received by now, after all connections have closed."""
    eventually(lambda: not open_connections(probe, lab.netns_inode))
    return probe.read(0).histograms["rx_process"], segments_in(stand.pid)


def segments_in(pid: int) -> int:
    """TCP segments that the process's namespace has received, to be processed one by one.

    Those that wait for a socket in use are merged where they can be (``TCPBacklogCoalesce``).
    """
    found: dict[str, int] = {}
    for name, kind in (("snmp", "Tcp:"), ("netstat", "TcpExt:")):
        lines = Path(f"/proc/{pid}/net/{name}").read_text("ascii").splitlines()
        header, values = (line.split()[1:] for line in lines if line.startswith(kind))
        found.update(zip(header, map(int, values), strict=True))
    return found["InSegs"] - found["TCPBacklogCoalesce"]
