"""The log of exchanges and the stalls, held against what really happened."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.records import CAUSES, EXCHANGE_STAGES, MOSTLY_ZERO, STALL
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.stalls.correction import correct_stalls
from tests.conformance.lab import Lab
from tests.conformance.stand import EMULATED
from tests.conformance.trial import Delays, Trial, drive

pytestmark = [pytest.mark.kernel]

REQUESTS = 211
CONNECTIONS = 7
BURSTS, BURST_S = 10, 0.03
# Works by its own CPU clock, so that what it was denied meanwhile does not count.
BUSY = f"""
import time
for _ in range({BURSTS}):
    end_s = time.process_time() + {BURST_S}
    while time.process_time() < end_s:
        pass
    time.sleep({BURST_S} / 10)
print(time.process_time())
"""

# Gives its CPU up after runs just long enough to be told one by one.
RESTLESS = f"""
import time
while True:
    end_ns = time.perf_counter_ns() + {layout()["INTERFERENCE_LEAST_NS"]} + 50_000
    while time.perf_counter_ns() < end_ns:
        pass
    time.sleep(1e-6)
"""


def test_every_exchange_is_in_the_log_as_it_was_recorded(lab: Lab, probe: SocketProbe) -> None:
    probe.drain()
    started_ns = time.monotonic_ns()
    with Trial(lab, probe, Delays(1500, 2500)) as trial:
        drive(trial.endpoint, REQUESTS, CONNECTIONS)
        reading = trial.finish().reading
    logged, stalls = probe.drain()
    assert reading.counters["log_lost"] == 0
    assert logged.size == reading.counters["recorded"] == REQUESTS
    assert set(logged["target"]) == {0}
    assert set(logged["cpu"]) <= {cpu % 256 for cpu in os.sched_getaffinity(0)}
    arrived_ns = logged["rx_first_ns"]
    assert started_ns < arrived_ns.min() < arrived_ns.max() < time.monotonic_ns()
    for stage in ("response", "service", "recv_wait", "app", *MOSTLY_ZERO):
        column = EXCHANGE_STAGES.index(stage)
        measured = logged["measured"] >> column & 1 == 1
        assert measured.all() or stage in MOSTLY_ZERO
        assert Histogram.of(logged["ns"][:, column]) == reading.histograms[stage]
    cleaned = correct_stalls(
        [logged], stalls, started_ns, time.monotonic_ns(), ("service", "recv_wait")
    )
    assert cleaned.corrected[0].logged == REQUESTS
    assert 0.0 <= cleaned.stalled < 1.0


def test_one_in_so_many_is_logged_where_there_are_too_many(lab: Lab, probe: SocketProbe) -> None:
    with Trial(lab, probe, Delays(0, 0)) as trial:
        probe.record_between(0, 0, 1 << 62, log_mask=3)
        probe.drain()
        drive(trial.endpoint, REQUESTS, CONNECTIONS)
        recorded = trial.finish().reading.counters["recorded"]
    logged, _ = probe.drain()
    assert recorded == REQUESTS
    assert 0.10 < logged.size / recorded < 0.45  # a quarter, give or take 5 SD


def test_the_cpu_time_of_a_stranger_is_seen_and_that_of_the_load_is_not(probe: SocketProbe) -> None:
    for known in (False, True):
        probe.drain()
        command = [sys.executable, "-c", BUSY]
        cpu = min(os.sched_getaffinity(0))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
            os.sched_setaffinity(busy.pid, {cpu})
            # Before all others, so that none of them has this CPU meanwhile.
            os.sched_setscheduler(busy.pid, os.SCHED_FIFO, os.sched_param(1))
            probe.set_load([busy.pid] if known else [])
            told, _ = busy.communicate(timeout=60)
        _, stalls = probe.drain()
        foreign = stalls[(stalls["cause"] == CAUSES.index("interference")) & (stalls["cpu"] == cpu)]
        seen_s = (foreign["to_ns"] - foreign["from_ns"]).sum() / 1e9
        worked_s = float(told)
        if known:
            assert seen_s < 0.5 * worked_s  # others run before and after, but not that much
        else:
            assert seen_s > 0.8 * worked_s
    probe.set_load([])


@pytest.mark.skipif(EMULATED, reason="an emulated CPU takes minutes to fill the ring")
def test_stalls_without_room_on_their_way_up_are_counted(probe: SocketProbe) -> None:
    probe.drain()
    before = probe.unsent_stalls()
    command = [sys.executable, "-c", RESTLESS]
    busy = [subprocess.Popen(command) for _ in range(2 * len(os.sched_getaffinity(0)))]
    try:
        deadline_s = time.monotonic() + 60
        while probe.unsent_stalls() == before and time.monotonic() < deadline_s:
            time.sleep(0.2)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert probe.unsent_stalls() > before
    _, stalls = probe.drain()
    # A ring is full when its records, with their headers, fill it.
    assert stalls.size > 0.9 * layout()["STALL_RING_PAGES"] * mmap.PAGESIZE / (8 + STALL.itemsize)


def test_stalls_are_later_than_they_begin_and_not_longer_than_the_time(probe: SocketProbe) -> None:
    probe.drain()
    from_ns = time.monotonic_ns()
    np.sort(np.random.default_rng(1).random(2_000_000))
    to_ns = time.monotonic_ns()
    _, stalls = probe.drain()
    assert np.all(stalls["to_ns"] > stalls["from_ns"])
    assert np.all(stalls["cpu"] < (os.cpu_count() or 1))
    for cpu in np.unique(stalls["cpu"]):
        taken = stalls[(stalls["cpu"] == cpu) & (stalls["cause"] == CAUSES.index("late_tick"))]
        inside_ns = np.clip(taken["to_ns"], from_ns, to_ns) - np.clip(
            taken["from_ns"], from_ns, to_ns
        )
        assert inside_ns.sum() <= to_ns - from_ns
