"""What the driver does with requests and connections, in virtual time; processes come elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.schedule import make_schedule
from socklat_gate.measured.histogram import bucket_edges_ns
from tests.unit.load.load_of import HTTP_OK, PONG, load_of, pong
from tests.unit.load.virtual import VirtualServer, connect, run


def assert_all_responded(counts, server, planned=101):
    assert counts.planned == counts.sent == counts.responded == counts.responded_total == planned
    assert counts.client.total == server.requests == planned
    assert (counts.errors, counts.first_error) == (0, "")


@pytest.mark.parametrize(
    ("response", "connections"),
    [
        (HTTP_OK, 5),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 5),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 101),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 101),
    ],
)
def test_http_keeps_connections_or_opens_new_ones(response, connections):
    def respond(peer, _):
        peer.write(response)
        if connections > 5:
            peer.transport.close()

    server = VirtualServer(respond, b"\r\n\r\n")
    (counts,) = run(load_of(driver="http"), server)
    assert_all_responded(counts, server)
    assert connections <= server.connections <= connections + 5


def test_a_response_in_two_pieces():
    def respond(peer, _):
        peer.write(b"$10\r\nhello")
        peer.server.loop.call_later(0.005, peer.write, b"world\r\n")

    server = VirtualServer(respond)
    (counts,) = run(load_of(), server)
    assert_all_responded(counts, server)
    assert counts.client.quantile_ns(0.0) > 4_000_000


def test_two_arms_share_one_schedule_and_the_warm_up_is_kept_apart():
    load = load_of(arrivals="poisson", rate=150.0, warmup_s=0.3, duration_s=1.2)
    schedule = make_schedule(load, 2, 19)
    seen = []
    one, two = VirtualServer(pong), VirtualServer(pong)
    counts = run(load, one, two, seed=19, on_progress=lambda *n: seen.append(n))
    for arm, server in enumerate((one, two)):
        of_arm = schedule.arm == arm
        assert counts[arm].planned == np.count_nonzero(of_arm & schedule.measured)
        assert counts[arm].responded == counts[arm].sent == counts[arm].planned
        assert counts[arm].responded_total == server.requests == np.count_nonzero(of_arm)
    assert seen
    assert seen[0][1] <= seen[0][0] <= schedule.arm.size


def paused_once(duration_s, at):
    def respond(peer, number):
        if number == at:
            peer.server.pause(duration_s)
        peer.write(PONG)

    return respond


def slower_than(histogram, ns):
    return int(histogram.counts[np.searchsorted(bucket_edges_ns(), ns) :].sum())


@pytest.mark.parametrize("connections", [100, 4])
def test_a_stall_of_the_server_is_seen_by_all_requests_due_in_it(connections):
    # Due in the first 200 of the 300 ms: 200/s * 0.2 s = 40 requests wait over 100 ms.  A closed
    # loop would have recorded one on each connection.
    load = load_of(rate=200.0, duration_s=1.2, connections=connections)
    server = VirtualServer(paused_once(0.3, at=50))
    (counts,) = run(load, server)
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

    server = VirtualServer(respond)
    (counts,) = run(load_of(), server)
    assert counts.planned == counts.sent == server.requests == 101
    assert (counts.errors, counts.responded) == (10, 91)
    assert server.connections >= 14  # the last one is replaced after the last request
    assert "127.0.0.1" in counts.first_error


def test_connections_closed_while_idle_cost_no_request():
    def respond(peer, number):
        peer.write(PONG)
        peer.server.loop.call_later(0.002, peer.transport.close)

    server = VirtualServer(respond)
    (counts,) = run(load_of(rate=20.0, duration_s=1.0), server)
    assert counts.planned == counts.sent == 20
    assert counts.errors <= 2  # a close and a request can cross on a machine that stalls
    assert server.connections >= 20


def test_a_request_without_response_times_out_and_its_connection_is_replaced():
    def respond(peer, number):
        if number % 20 != 0:
            peer.write(PONG)

    server = VirtualServer(respond)
    load = load_of(rate=101.0, duration_s=1.0, timeout_s=0.4, connections=20)
    (counts,) = run(load, server)
    assert counts.planned == counts.sent == counts.responded + counts.errors == 101
    assert counts.errors >= 5
    assert server.connections >= 22
    assert "no response within 0.4 s" in counts.first_error


def test_error_replies_are_responses_and_errors():
    def respond(peer, number):
        peer.write(b"-ERR busy\r\n" if number % 4 == 0 else PONG)

    server = VirtualServer(respond)
    (counts,) = run(load_of(), server)
    assert counts.sent == counts.responded == counts.responded_total == 101
    assert counts.errors == 25
    assert counts.first_error.endswith("ERR busy")
    assert server.connections == 5


def test_responses_that_do_not_end_where_the_scenario_says_are_errors():
    server = VirtualServer(pong)
    (counts,) = run(load_of(response=4, timeout_s=0.5), server)
    assert counts.responded_total == 0
    assert counts.errors == counts.sent > 10
    assert "load.response" in counts.first_error


def test_another_protocol_is_named():
    server = VirtualServer(lambda peer, _: peer.write(HTTP_OK))
    (counts,) = run(load_of(timeout_s=0.5), server)
    assert counts.responded_total == 0
    assert "RESP: no reply starts with b'H'" in counts.first_error


def test_a_server_that_dies_leaves_requests_unsent_and_the_driver_ends():
    def respond(peer, number):
        if number == 50:
            peer.server.die()
        else:
            peer.write(PONG)

    server = VirtualServer(respond)
    (counts,) = run(load_of(timeout_s=0.5), server)
    assert counts.responded == 49
    assert counts.sent < 99
    assert counts.starved > 30
    assert counts.errors >= 1


def test_refused_after_five_seconds():
    driver, worker = connect(load_of())
    begun_s = worker.loop.time()
    with driver:
        with pytest.raises(InvalidMeasurement, match=r"127.0.0.1:1.*refused") as caught:
            driver.connect()
        assert 5.0 <= worker.loop.time() - begun_s < 5.2
    assert caught.value.reason is Reason.LOAD_REFUSED
    assert "service.port" in (caught.value.remedy or "")


def test_a_server_that_comes_up_late_is_waited_for():
    server = VirtualServer(pong, listens_after_s=0.8)
    driver, worker = connect(load_of(), server)
    begun_s = worker.loop.time()
    with driver:
        driver.connect()
        assert 0.8 <= worker.loop.time() - begun_s < 1.0
    assert server.connections == 5
