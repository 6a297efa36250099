"""How long the load lasts, and which requests are then counted."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.load.command import CommandLoad
from socklat_gate.load.load_driver import END_AHEAD_NS
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.load.request_counts import counts_of
from socklat_gate.load.request_log import Record
from socklat_gate.load.schedule import make_schedule
from socklat_gate.scenario import Command
from tests.unit.load.load_of import load_of, pong
from tests.unit.load.load_server import Server
from tests.unit.load.virtual import VirtualServer, connect

HOUR_NS = 3600 * 10**9


window_load = partial(
    load_of,
    rate=211.0,
    arrivals="poisson",
    duration_s=0.3,
    warmup_s=0.2,
    max_duration_s=60.0,
)


def run(load, servers, end_ns, **options):
    """Counts, windows as `start` and each `end_at` gave them; ``end_ns`` makes times of one."""
    driver, worker = connect(load, *servers, seed=3, **options)
    return measure(driver, worker.now_ns, end_ns)


def measure(driver, now_ns, end_ns):
    with driver:
        driver.connect()
        windows = [driver.start(now_ns() + 20_000_000)]

        def poll():
            wanted = end_ns(windows[0], now_ns())
            if wanted is not None and now_ns() > windows[0].from_ns:
                windows.append(driver.end_at(wanted))

        return driver.wait(poll=poll), windows


def check_window(load, counts, windows, servers, interleave):
    assert windows[0].to_ns == windows[0].from_ns + 60 * 10**9
    assert windows[1].from_ns == windows[0].from_ns
    assert windows[1].to_ns >= windows[0].from_ns + 700_000_000
    assert set(windows[1:]) == {windows[1]}  # only the first end counts
    schedule = make_schedule(load, 2, 3, interleave, 50.0)
    for arm, server in enumerate(servers):
        expected = planned(schedule, arm, windows[1])
        assert counts[arm].planned == counts[arm].sent == counts[arm].responded == expected
        assert counts[arm].client.total == expected
        assert counts[arm].responded_total == server.requests > expected


def end_after_700_ms(window, _):
    return window.from_ns + 700_000_000


def listen_for(driver, seconds):
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        driver.listen()
        time.sleep(0.02)


def planned(schedule, arm, window):
    due_ns = schedule.offsets_ns[schedule.arm == arm] + window.start_ns
    return np.count_nonzero((window.from_ns <= due_ns) & (due_ns < window.to_ns))


@pytest.mark.parametrize("interleave", ["request", "slice"])
def test_requests_due_after_the_end_are_neither_sent_nor_counted(interleave):
    load = window_load()
    servers = [VirtualServer(pong), VirtualServer(pong)]
    options = {"interleave": interleave, "slice_ms": 50.0}
    counts, windows = run(load, servers, end_after_700_ms, **options)
    check_window(load, counts, windows, servers, interleave)


def test_the_same_in_a_process_of_its_own():
    load = window_load()
    with Server(pong) as one, Server(pong) as two:
        endpoints = [Endpoint("127.0.0.1", server.port) for server in (one, two)]
        driver = LoadProcess(load, endpoints, 3)
        counts, windows = measure(driver, time.monotonic_ns, end_after_700_ms)
    check_window(load, counts, windows, (one, two), "request")


@pytest.mark.parametrize("longest_s", [0.6, 60.0])
def test_a_load_that_nobody_waits_for_is_heard_and_ended_when_its_time_has_come(longest_s):
    """It ends by itself before that, or is ended then."""
    load = window_load(duration_s=0.1, warmup_s=0.0, max_duration_s=longest_s)
    with Server(pong) as one, Server(pong) as two:
        endpoints = [Endpoint("127.0.0.1", server.port) for server in (one, two)]
        with LoadProcess(load, endpoints, 3) as driver:
            driver.connect()
            driver.start(time.monotonic_ns() + 20_000_000)
            listen_for(driver, 1.5)
            window = driver.end_at(time.monotonic_ns())
            counts = driver.wait()
    schedule = make_schedule(load, 2, 3)
    for arm in (0, 1):
        assert counts[arm].planned == counts[arm].responded == planned(schedule, arm, window)
        assert counts[arm].planned > 50


def test_a_load_that_is_only_heard_says_that_its_driver_was_killed():
    with Server(pong) as one:
        load = window_load(duration_s=0.1, warmup_s=0.0)
        with LoadProcess(load, [Endpoint("127.0.0.1", one.port)], 3) as driver:
            driver.connect()
            driver.start(time.monotonic_ns())
            driver.listen()
            os.kill(driver.pids()[0], signal.SIGKILL)
            with pytest.raises(InvalidMeasurement, match="ended early"):
                listen_for(driver, 10.0)


def test_an_end_that_comes_too_soon_is_moved_to_the_earliest_possible():
    asked = []
    _, windows = run(
        window_load(), [VirtualServer(pong)], lambda _, now_ns: asked.append(now_ns) or 0
    )
    first = windows[0]
    assert windows[1].to_ns >= first.from_ns + 300_000_000
    assert windows[1].to_ns >= asked[-len(windows) + 1] + END_AHEAD_NS


@pytest.mark.parametrize("wanted_ns", [None, HOUR_NS])
def test_without_an_earlier_end_the_load_lasts_as_long_as_it_may(wanted_ns):
    load = window_load(max_duration_s=0.9)
    (counts,), windows = run(
        load, [VirtualServer(pong)], lambda window, _: wanted_ns and window.from_ns + wanted_ns
    )
    assert set(windows) == {windows[0]}
    assert windows[0].to_ns == windows[0].from_ns + 900_000_000
    assert counts.planned == counts.responded == planned(make_schedule(load, 1, 3), 0, windows[0])


def test_a_command_ends_after_its_duration_whatever_end_is_set():
    argv = [sys.executable, "-c", "import time; time.sleep(0.4)"]
    load = window_load(driver="command", command=Command(argv=argv))
    windows = []
    with CommandLoad(load, [Endpoint("h", 1), Endpoint("h", 2)], 1) as driver:
        assert driver.pids() == ()
        windows.append(driver.start(time.monotonic_ns()))
        assert len(set(driver.pids())) == 2
        driver.wait(poll=lambda: windows.append(driver.end_at(windows[0].from_ns)))
    assert len(windows) > 1
    assert set(windows) == {windows[0]}
    assert windows[0].to_ns == windows[0].from_ns + 300_000_000


def test_an_end_in_the_past_keeps_what_was_sent_in_the_total_only():
    load = window_load(rate=10.0, arrivals="constant", warmup_s=1.0, max_duration_s=2.0)
    record = Record(make_schedule(load, 1, 1), 1)
    record.begin(5_000)
    for request in range(25):
        record.woke_ns[request] = record.sent_ns[request] = record.due_ns[request]
        record.response(request, record.due_ns[request] + 1_000, 0, 1)
    assert record.end(record.due_ns[20]) == 20
    counts = counts_of(record, 0)
    assert (counts.planned, counts.sent, counts.responded) == (10, 10, 10)
    assert counts.client.total == 10
    assert counts.responded_total == 25
