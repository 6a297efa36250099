from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections import Counter

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UsageError
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.load.timerfd import TimerFd
from tests.unit.load.load_of import load_of, pong
from tests.unit.load.load_server import Server
from tests.unit.load.load_waiting import gone, wait_until


def run(load, *ports, seed=7, **options):
    with LoadProcess(load, [Endpoint("127.0.0.1", port) for port in ports], seed) as driver:
        driver.connect()
        driver.start(time.monotonic_ns() + 20_000_000)
        return driver.wait(**options)


def assert_all_responded(counts, server, planned=101):
    assert counts.planned == counts.sent == counts.responded == counts.responded_total == planned
    assert counts.client.total == server.requests == planned
    assert (counts.errors, counts.first_error) == (0, "")


def test_a_prime_number_of_requests_all_with_a_response():
    with Server(pong) as server:
        (counts,) = run(load_of(), server.port)
    assert_all_responded(counts, server)
    assert server.connections == 5


def test_the_same_without_uvloop(tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("raise ImportError('hidden by a test')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Server(pong) as server:
        (counts,) = run(load_of(), server.port)
    assert_all_responded(counts, server)


def test_what_came_back_agrees_with_what_the_server_did():
    """Over TCP, where a reset is one, in a process of its own; the server counts what it does."""
    did = Counter()

    def respond(peer, number):
        deed = ("fine", "busy", "reset", "close")[number % 4 if number % 3 == 0 else 0]
        did[deed] += 1
        if deed == "reset":
            linger = struct.pack("ii", 1, 0)  # no time to linger: a reset
            sock = peer.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            peer.transport.abort()
            return
        status = b"503 Busy" if deed == "busy" else b"200 OK"
        head = b"Connection: close\r\n" if deed == "close" else b""
        peer.write(b"HTTP/1.1 %b\r\n%bContent-Length: 700\r\n\r\n" % (status, head) + b"x" * 700)
        if deed == "close":
            peer.transport.close()

    with Server(respond, b"\r\n\r\n") as server:
        (counts,) = run(load_of(driver="http"), server.port)
    answers = counts.answers
    assert min(did.values()) > 5
    assert answers.statuses == {"200": did["fine"] + did["close"], "503": did["busy"]}
    assert answers.errors == {"bad_status": did["busy"], "reset": did["reset"]}
    assert answers.lost == did["reset"] + did["close"]
    assert answers.lost <= answers.opened <= server.connections
    assert answers.sizes.quantiles_ns([0.0, 1.0]) == pytest.approx([700, 700], rel=0.008)
    assert counts.no_response_total == did["reset"]


def test_poll_is_called_while_the_load_runs_and_may_end_it():
    calls = []

    def poll():
        calls.append(time.monotonic())
        if len(calls) == 2:
            raise InvalidMeasurement(Reason.SERVICE_DIED, "the container ended")

    with (
        Server(pong) as server,
        LoadProcess(load_of(duration_s=60.0), [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        driver.start(time.monotonic_ns())
        with pytest.raises(InvalidMeasurement, match="the container ended"):
            driver.wait(poll=poll)
    assert gone(*driver.pids())


@pytest.mark.parametrize(
    ("number", "how"), [(signal.SIGKILL, "exit code -9"), (signal.SIGTERM, "exit code 0")]
)
def test_a_worker_that_is_killed_is_a_failed_driver(number, how):
    load = load_of(duration_s=60.0)
    with (
        Server(pong) as server,
        LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        driver.start(time.monotonic_ns())
        os.kill(*driver.pids(), number)
        with pytest.raises(InvalidMeasurement, match=f"ended early.*{how}") as caught:
            driver.wait()
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED


def test_a_worker_that_crashes_shows_its_last_lines(tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("raise RuntimeError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InvalidMeasurement, match="exit code 1") as caught:
        run(load_of(), 1)
    assert "broken on purpose" in caught.value.log
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED


@pytest.mark.parametrize("started", [False, True])
def test_the_worker_ends_when_its_parent_is_killed(started):
    code = textwrap.dedent("""
        import sys, time
        from socklat_gate.load.process import Endpoint, LoadProcess
        from socklat_gate.scenario import Load

        load = Load(payload=r"PING\\r\\n", rate=50.0, duration_s=60.0)
        with LoadProcess(load, [Endpoint("127.0.0.1", int(sys.argv[1]))], 1) as driver:
            driver.connect()
            if sys.argv[2] == "True":
                driver.start(time.monotonic_ns())
            print(*driver.pids(), flush=True)
            time.sleep(60)
    """)
    with (
        Server(pong) as server,
        subprocess.Popen(
            [sys.executable, "-c", code, str(server.port), str(started)], stdout=subprocess.PIPE
        ) as parent,
    ):
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert not gone(worker)
        parent.kill()
        wait_until(lambda: gone(worker))


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker():
    with (
        Server(pong) as server,
        LoadProcess(load_of(), [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        assert os.getpgid(*driver.pids()) != os.getpgid(0)


def test_the_worker_runs_on_its_cpu_set():
    cpu = max(os.sched_getaffinity(0))
    load = load_of(cpuset=str(cpu))
    with (
        Server(pong) as server,
        LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        assert os.sched_getaffinity(*driver.pids()) == {cpu}


def test_leaving_without_connecting_starts_nothing():
    with LoadProcess(load_of(), [Endpoint("127.0.0.1", 1)], 1) as driver:
        assert driver.pids() == ()


def test_a_schedule_that_is_too_long_is_the_scenario_s_fault():
    with pytest.raises(UsageError, match="requests in one run"):
        LoadProcess(load_of(rate=200_000.0, duration_s=3600.0), [Endpoint("h", 1)], 1)


def test_the_timer_never_fires_early_and_can_be_set_again():
    timer = TimerFd()
    try:
        for delay_ns in (5_000_000, 0):
            due_ns = time.monotonic_ns() + delay_ns
            timer.set(due_ns)
            os.set_blocking(timer.fd, True)
            os.read(timer.fd, 8)
            assert time.monotonic_ns() >= due_ns
        timer.set(time.monotonic_ns() - 1_000)
        timer.set(time.monotonic_ns() + 60_000_000_000)
        os.set_blocking(timer.fd, False)
        with pytest.raises(BlockingIOError):
            os.read(timer.fd, 8)
    finally:
        timer.close()
        timer.close()
