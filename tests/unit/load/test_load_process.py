from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UsageError
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.load.schedule import make_schedule
from socklat_gate.load.timerfd import TimerFd
from socklat_gate.measured.histogram import bucket_edges_ns
from socklat_gate.scenario import Load
from tests.unit.load.load_server import Server
from tests.unit.load.load_waiting import gone, wait_until

PONG = b"+PONG\r\n"
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def pong(peer, _):
    peer.write(PONG)


def load_of(**options):
    settings = {
        "payload": r"PING\r\n",
        "rate": 404.0,
        "arrivals": "constant",
        "connections": 5,
        "duration_s": 0.25,
        "warmup_s": 0.0,
        **options,
    }
    # Growth has tests of its own; without it a slow machine opens no more than is expected here.
    return Load(**{"max_connections": settings["connections"], **settings})


def run(load, *ports, seed=7, **options):
    with LoadProcess(load, [Endpoint("127.0.0.1", port) for port in ports], seed) as driver:
        driver.connect()
        driver.start(time.monotonic_ns() + 20_000_000)
        return driver.wait(**options)


def assert_all_answered(counts, server, planned=101):
    assert counts.planned == counts.sent == counts.responded == counts.responded_total == planned
    assert counts.client.total == server.requests == planned
    assert (counts.errors, counts.first_error) == (0, "")


def test_a_prime_number_of_requests_all_answered():
    with Server(pong) as server:
        (counts,) = run(load_of(), server.port)
    assert_all_answered(counts, server)
    assert server.connections == 5


def test_the_same_without_uvloop(tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("raise ImportError('hidden by a test')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Server(pong) as server:
        (counts,) = run(load_of(), server.port)
    assert_all_answered(counts, server)


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (HTTP_OK, 5),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 5),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 101),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 101),
    ],
)
def test_http_keeps_connections_or_opens_new_ones(answer, connections):
    def respond(peer, _):
        peer.write(answer)
        if connections > 5:
            peer.transport.close()

    with Server(respond, b"\r\n\r\n") as server:
        (counts,) = run(load_of(driver="http"), server.port)
    assert_all_answered(counts, server)
    assert connections <= server.connections <= connections + 5


def test_an_answer_in_two_pieces():
    def respond(peer, _):
        peer.write(b"$10\r\nhello")
        peer.server.loop.call_later(0.005, peer.write, b"world\r\n")

    with Server(respond) as server:
        (counts,) = run(load_of(), server.port)
    assert_all_answered(counts, server)
    assert counts.client.quantile_ns(0.0) > 4_000_000


def test_two_arms_share_one_schedule_and_the_warm_up_is_kept_apart():
    load = load_of(arrivals="poisson", rate=150.0, warmup_s=0.3, duration_s=1.2)
    schedule = make_schedule(load, 2, 19)
    seen = []
    with Server(pong) as one, Server(pong) as two:
        counts = run(load, one.port, two.port, seed=19, on_progress=lambda *n: seen.append(n))
    for arm, server in enumerate((one, two)):
        of_arm = schedule.arm == arm
        assert counts[arm].planned == np.count_nonzero(of_arm & schedule.measured)
        assert counts[arm].responded == counts[arm].sent == counts[arm].planned
        assert counts[arm].responded_total == server.requests == np.count_nonzero(of_arm)
    assert seen
    assert seen[0][1] <= seen[0][0] <= schedule.arm.size


def frozen_once(duration_s, at):
    def respond(peer, number):
        if number == at:
            time.sleep(duration_s)
        peer.write(PONG)

    return respond


def slower_than(histogram, ns):
    return int(histogram.counts[np.searchsorted(bucket_edges_ns(), ns) :].sum())


@pytest.mark.parametrize("connections", [100, 4])
def test_a_stall_of_the_server_is_seen_by_all_requests_due_in_it(connections):
    # Due in the first 200 of the 300 ms: 200/s * 0.2 s = 40 requests wait over 100 ms.  A closed
    # loop would have recorded one on each connection.
    load = load_of(rate=200.0, duration_s=1.2, connections=connections)
    with Server(frozen_once(0.3, at=50)) as server:
        (counts,) = run(load, server.port)
    assert counts.planned == counts.sent == counts.responded == 240
    assert slower_than(counts.client, 100_000_000) >= 38
    assert slower_than(counts.client, 280_000_000) >= 1
    if connections == 100:
        assert counts.starved == 0
        assert counts.lag_p99_ns < 200_000_000  # sent in the middle of the stall
    else:
        assert counts.starved >= 38
        assert counts.lag_p99_ns > 200_000_000


def test_a_connection_closed_under_a_request_is_an_error_and_is_replaced():
    def respond(peer, number):
        if number % 10 == 0:
            peer.transport.abort()
        else:
            peer.write(PONG)

    with Server(respond) as server:
        (counts,) = run(load_of(), server.port)
    assert counts.planned == counts.sent == server.requests == 101
    assert (counts.errors, counts.responded) == (10, 91)
    assert server.connections >= 14  # the last one is replaced after the last request
    assert "127.0.0.1" in counts.first_error


def test_connections_closed_while_idle_cost_no_request():
    def respond(peer, number):
        peer.write(PONG)
        peer.server.loop.call_later(0.002, peer.transport.close)

    with Server(respond) as server:
        (counts,) = run(load_of(rate=20.0, duration_s=1.0), server.port)
    assert counts.planned == counts.sent == 20
    assert counts.errors <= 2  # a close and a request can cross on a machine that stalls
    assert server.connections >= 20


def test_a_request_without_answer_times_out_and_its_connection_is_replaced():
    def respond(peer, number):
        if number % 20 != 0:
            peer.write(PONG)

    with Server(respond) as server:
        (counts,) = run(
            load_of(rate=101.0, duration_s=1.0, timeout_s=0.4, connections=20), server.port
        )
    assert counts.planned == counts.sent == counts.responded + counts.errors == 101
    assert counts.errors >= 5
    assert server.connections >= 22
    assert "no response within 0.4 s" in counts.first_error


def test_error_replies_are_answers_and_errors():
    def respond(peer, number):
        peer.write(b"-ERR busy\r\n" if number % 4 == 0 else PONG)

    with Server(respond) as server:
        (counts,) = run(load_of(), server.port)
    assert counts.sent == counts.responded == counts.responded_total == 101
    assert counts.errors == 25
    assert counts.first_error.endswith("ERR busy")
    assert server.connections == 5


def test_answers_that_do_not_end_where_the_scenario_says_are_errors():
    with Server(pong) as server:
        (counts,) = run(load_of(response=4, timeout_s=0.5), server.port)
    assert counts.responded_total == 0
    assert counts.errors == counts.sent > 10
    assert "load.response" in counts.first_error


def test_another_protocol_is_named():
    with Server(lambda peer, _: peer.write(HTTP_OK)) as server:
        (counts,) = run(load_of(timeout_s=0.5), server.port)
    assert counts.responded_total == 0
    assert "RESP: no reply starts with b'H'" in counts.first_error


def test_a_server_that_dies_leaves_requests_unsent_and_the_driver_ends():
    def respond(peer, number):
        if number == 50:
            peer.server.die()
        else:
            peer.write(PONG)

    with Server(respond) as server:
        (counts,) = run(load_of(timeout_s=0.5), server.port)
    assert counts.responded == 49
    assert counts.sent < 99
    assert counts.starved > 30
    assert counts.errors >= 1


def test_refused_after_five_seconds():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(InvalidMeasurement, match=f"127.0.0.1:{port}.*refused") as caught:
            run(load_of(), port)
    assert caught.value.reason is Reason.LOAD_REFUSED
    assert "service.port" in (caught.value.remedy or "")


def test_a_server_that_comes_up_late_is_waited_for():
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
    code = (
        "import socket, time; time.sleep(0.8);"
        f"server = socket.create_server(('127.0.0.1', {port})); time.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as late:
        try:
            with LoadProcess(load_of(), [Endpoint("127.0.0.1", port)], 1) as driver:
                driver.connect()
                assert not gone(*driver.pids())
        finally:
            late.kill()


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
    with pytest.raises(InvalidMeasurement, match=r"(?s)exit code 1.*broken on purpose") as caught:
        run(load_of(), 1)
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
