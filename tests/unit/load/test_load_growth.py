"""More connections while the service pauses, so that requests leave when they are due."""

from __future__ import annotations

import time
from functools import partial

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.bounds import for_turns, longest_s, max_connections_of
from socklat_gate.load.checks import check_delivered, find_undelivered
from socklat_gate.load.process import Endpoint, LoadProcess
from tests.unit.load.load_of import PONG, load_of
from tests.unit.load.load_server import Server
from tests.unit.load.virtual import VirtualServer, run

FULL = b"-ERR max number of clients reached\r\n"


growing_load = partial(load_of, rate=250.0, connections=8, max_connections=400, duration_s=1.6)


def pausing(pause_s, at=100, response=PONG):
    """Responds, after a pause of ``pause_s`` at the request of that number."""

    def respond(peer, number):
        if number == at:
            peer.server.pause(pause_s)
        peer.write(response)

    return respond


def test_requests_due_in_a_pause_leave_when_they_are_due():
    load = growing_load()
    server = VirtualServer(pausing(0.8))
    (counts,) = run(load, server)
    check_delivered(find_undelivered(load, [counts], ["single"]), ["single"])
    assert counts.planned == counts.sent == counts.responded == server.requests == 400
    assert (counts.errors, counts.first_error) == (0, "")
    # 200 were due in the pause; those with one of the 8 to themselves needed no new connection.
    assert counts.grown >= 150
    assert server.connections == 8 + counts.grown
    assert counts.lag_p99_ns < 100_000_000  # the 5th longest wait, in a pause of 800 ms


def test_without_room_to_grow_the_same_load_is_not_delivered():
    load = growing_load(max_connections=8)
    server = VirtualServer(pausing(0.8))
    (counts,) = run(load, server)
    assert (counts.grown, server.connections) == (0, 8)
    assert counts.starved >= 150
    with pytest.raises(InvalidMeasurement) as caught:
        check_delivered(find_undelivered(load, [counts], ["single"]), ["single"])
    assert caught.value.reason is Reason.LOAD_NOT_DELIVERED
    assert "load.max_connections" in (caught.value.remedy or "")


def test_growth_is_bounded():
    server = VirtualServer(pausing(0.6))
    (counts,) = run(growing_load(max_connections=30), server)
    assert (counts.grown, server.connections) == (22, 30)
    assert counts.sent == counts.responded == 400


def test_after_the_pause_the_original_connections_do_the_work():
    late = []

    def respond(peer, number):
        if number == 100:
            peer.server.pause(0.4)
        elif number > 250:
            late.append(peer.number)
        peer.write(PONG)

    server = VirtualServer(respond)
    (counts,) = run(growing_load(), server)
    assert counts.grown >= 50
    assert len(server.peers) == 0
    assert sum(number <= 8 for number in late) > 0.8 * len(late)


def refusing(reply):
    """Greets more than 10 clients with ``reply`` and a close."""

    def refuse_more(peer):
        if len(peer.server.peers) > 10:
            if reply:
                peer.transport.write(reply)
            peer.transport.close()

    return refuse_more


@pytest.mark.parametrize("reply", [FULL, b""])
def test_a_service_that_takes_no_more_clients_is_no_error(reply):

    def respond(peer, number):
        if number == 100:
            peer.server.pause(0.4)
        if not peer.transport.is_closing():
            peer.write(PONG)

    server = VirtualServer(respond, greet=refusing(reply))
    (counts,) = run(growing_load(), server)
    assert server.connections > 10
    assert counts.grown >= 2
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.planned == counts.sent == counts.responded == 400
    if not reply:
        assert counts.responded_total == 400


def test_the_same_over_tcp_in_a_process_of_its_own():
    def respond(peer, number):
        if number == 50:
            time.sleep(0.3)
        if not peer.transport.is_closing():
            peer.write(PONG)

    load = growing_load(duration_s=0.8)
    with (
        Server(respond, greet=refusing(FULL)) as server,
        LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 7) as driver,
    ):
        driver.connect()
        driver.start(time.monotonic_ns() + 20_000_000)
        (counts,) = driver.wait()
    assert server.connections > 10
    assert counts.grown >= 2
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.planned == counts.sent == counts.responded == 200


def test_a_service_that_stops_listening_is_no_error():
    def respond(peer, number):
        if number == 1:
            peer.server.stop_listening()
        if number == 100:
            peer.server.pause(0.4)
        peer.write(PONG)

    server = VirtualServer(respond)
    (counts,) = run(growing_load(), server)
    assert (counts.errors, counts.grown) == (0, 0)
    assert counts.planned == counts.sent == counts.responded == server.requests == 400
    assert counts.lag_p99_ns > 200_000_000


def test_error_replies_over_extra_connections_are_errors_like_any():
    server = VirtualServer(pausing(0.4, response=b"-ERR busy\r\n"))
    (counts,) = run(growing_load(), server)
    assert counts.grown >= 50
    assert counts.sent == counts.responded == counts.errors == server.requests == 400
    assert server.connections == 8 + counts.grown
    assert counts.first_error.endswith("ERR busy")


def test_http_responses_that_close_an_extra_connection_let_the_request_wait_on():
    closing = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    fine = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    turned_away = []

    def respond(peer, number):
        if number == 100:
            peer.server.pause(0.4)
        if peer.number > 8:
            turned_away.append(number)
            peer.write(closing)
            peer.transport.close()
        else:
            peer.write(fine)

    server = VirtualServer(respond, b"\r\n\r\n")
    (counts,) = run(growing_load(driver="http"), server)
    assert turned_away
    assert (counts.errors, counts.sent, counts.responded) == (0, 400, 400)
    assert counts.responded_total == server.requests == 400 + len(turned_away)


def test_bounds_follow_from_what_the_scenario_says():
    assert max_connections_of(growing_load(max_connections=None)) == 313  # 1.25 s of 250 a second
    assert max_connections_of(growing_load(max_connections=None, rate=10.0)) == 80
    assert max_connections_of(growing_load(max_connections=12)) == 12
    assert max_connections_of(growing_load(connections=5000, max_connections=None)) == 10_000
    assert longest_s(growing_load()) == 1.6
    assert longest_s(growing_load(max_duration_s=3.0)) == 3.0


def test_arms_that_take_turns_get_as_many_requests_in_a_longer_run():
    load = growing_load(warmup_s=0.25)
    turns = for_turns(load, 2)
    assert (turns.rate, turns.duration_s, turns.warmup_s) == (load.rate, 3.2, 0.5)
    assert turns.max_duration_s is None
    assert for_turns(growing_load(max_duration_s=3.0), 2).max_duration_s == 6.0
    assert for_turns(load, 1) == load


@pytest.mark.parametrize("name", ["max_connections", "max_duration_s"])
def test_a_maximum_below_the_usual_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must not be smaller"):
        growing_load(**{name: 1})
