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
from socklat_gate.load import worker_client
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


def test_a_prime_number_of_requests_by_two_workers():
    with Server(pong) as server:
        (counts,) = run(load_of(workers=2), server.port)
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
        with pytest.raises(
            InvalidMeasurement, match=f"the load driver ended early.*{how}"
        ) as caught:
            driver.wait()
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED


@pytest.mark.parametrize(
    ("killed", "number", "how"),
    [(0, signal.SIGKILL, "exit code -9"), (2, signal.SIGTERM, "exit code 0")],
)
def test_one_of_several_that_is_killed_ends_all_of_them(killed, number, how):
    with (
        Server(pong) as server,
        LoadProcess(
            load_of(duration_s=60.0, workers=3), [Endpoint("127.0.0.1", server.port)], 1
        ) as driver,
    ):
        driver.connect()
        pids = driver.pids()
        assert len(set(pids)) == 3
        driver.start(time.monotonic_ns())
        os.kill(pids[killed], number)
        said = f"load worker {killed + 1} of 3 ended early.*{how}"
        with pytest.raises(InvalidMeasurement, match=said) as caught:
            driver.wait()
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED
    assert all(map(gone, pids))


def test_one_of_several_that_stops_is_named_and_ended(monkeypatch):
    monkeypatch.setattr(worker_client, "END_WITHIN_S", 0.1)
    load = load_of(duration_s=0.2, workers=2, timeout_s=0.1)
    with (
        Server(pong) as server,
        LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        pids = driver.pids()
        os.kill(pids[1], signal.SIGSTOP)
        driver.start(time.monotonic_ns())
        driver._group.deadline_s = time.monotonic() + 1.5
        with pytest.raises(InvalidMeasurement, match="load worker 2 of 2 did not finish in time"):
            driver.wait()
    assert all(map(gone, pids))


def test_a_worker_that_crashes_shows_its_last_lines(tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("raise RuntimeError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InvalidMeasurement, match="exit code 1") as caught:
        run(load_of(), 1)
    assert "broken on purpose" in caught.value.log
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED


def test_what_the_system_refuses_a_worker_is_no_traceback(tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("def run(main): main.close(); raise MemoryError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InvalidMeasurement, match=r"ended early \(exit code 3\)") as failure:
        run(load_of(), 1)
    assert failure.value.log == "the system refused what this needs: out of memory"


@pytest.mark.parametrize(("started", "workers"), [(False, 1), (True, 2)])
def test_the_workers_end_when_their_parent_is_killed(started, workers):
    code = textwrap.dedent("""
        import sys, time
        from socklat_gate.load.process import Endpoint, LoadProcess
        from socklat_gate.scenario import Load

        load = Load(payload=r"PING\\r\\n", rate=50.0, duration_s=60.0, workers=int(sys.argv[3]))
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
            [sys.executable, "-c", code, str(server.port), str(started), str(workers)],
            stdout=subprocess.PIPE,
        ) as parent,
    ):
        assert parent.stdout is not None
        pids = list(map(int, parent.stdout.readline().split()))
        assert len(pids) == workers
        assert not any(map(gone, pids))
        parent.kill()
        wait_until(lambda: all(map(gone, pids)))


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker():
    with (
        Server(pong) as server,
        LoadProcess(load_of(), [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        assert os.getpgid(*driver.pids()) != os.getpgid(0)


def test_the_workers_run_on_their_cpu_set():
    cpu = max(os.sched_getaffinity(0))
    load = load_of(cpuset=str(cpu), workers=2)
    with (
        Server(pong) as server,
        LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 1) as driver,
    ):
        driver.connect()
        assert [os.sched_getaffinity(pid) for pid in driver.pids()] == [{cpu}, {cpu}]


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
