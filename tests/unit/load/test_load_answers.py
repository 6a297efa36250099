"""What the driver records of what came back, against what the server did; in virtual time."""

from __future__ import annotations

import pytest

from socklat_gate.measured.histogram import Histogram
from tests.unit.load.load_of import HTTP_OK, PONG, load_of, pong
from tests.unit.load.virtual import VirtualServer, run

REQUEST_END = b"\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


def answers_of(respond, request_end=b"\r\n", **options):
    """What is recorded of a server's 101 responses, and the server."""
    server = VirtualServer(respond, request_end)
    (counts,) = run(load_of(**options), server)
    return counts.answers, counts, server


def test_all_as_it_should_be():
    answers, _, server = answers_of(pong)
    assert answers.statuses == {"": 101}
    assert answers.sizes == Histogram.of([len(PONG)] * 101)
    assert (answers.errors, answers.failed, answers.source) == ({}, 0, "driver")
    assert (answers.opened, answers.lost) == (server.connections, 0) == (5, 0)


def test_statuses_and_sizes_are_those_that_were_sent():
    bodies = {200: b"x" * 300, 302: b"", 404: b"no", 503: b"busy"}
    sent = []

    def respond(peer, number):
        status = (200, 200, 302, 404, 200, 503)[number % 6]
        sent.append(status)
        body = bodies[status]
        peer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

    answers, counts, _ = answers_of(respond, REQUEST_END, driver="http")
    assert answers.statuses == {str(status): sent.count(status) for status in bodies}
    assert answers.sizes == Histogram.of([len(bodies[status]) for status in sent])
    assert answers.errors == {"bad_status": sent.count(404) + sent.count(503)}
    assert counts.errors == answers.failed
    assert counts.responded == answers.sizes.total == 101


def test_the_scenario_decides_what_is_an_error():
    def respond(peer, number):
        body = b"{}" if number % 5 == 0 else b'{"total": 12}'
        status = 404 if number % 10 == 1 else 200
        peer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

    for expect, errors in (
        (None, {"bad_status": 11}),
        ({"status": [404]}, {"unexpected_status": 90}),
        ({"min_bytes": 3}, {"bad_status": 11, "unexpected_size": 20}),
        ({"status": [200, 404], "text": "total"}, {"unexpected_body": 20}),
    ):
        answers, counts, _ = answers_of(respond, REQUEST_END, driver="http", expect=expect)
        assert answers.errors == errors
        assert (counts.errors, counts.responded) == (sum(errors.values()), 101)


def test_error_replies_have_a_status_of_their_own():
    def respond(peer, number):
        peer.write(b"-ERR busy\r\n" if number % 4 == 0 else PONG)

    answers, _, _ = answers_of(respond)
    assert answers.statuses == {"": 76, "-": 25}
    assert answers.errors == {"bad_status": 25}
    answers, _, _ = answers_of(respond, expect={"prefix": "-ERR"})
    assert answers.statuses == {"": 76, "-": 25}
    assert answers.errors == {"unexpected_body": 76}


def test_connections_that_the_service_closes_are_lost():
    def respond(peer, _):
        peer.write(CLOSING)
        peer.transport.close()

    answers, _, server = answers_of(respond, REQUEST_END, driver="http")
    assert answers.lost == 101
    assert answers.opened == server.connections > 101
    assert answers.errors == {}


def test_connections_closed_as_the_requests_ask_for_are_not_lost():
    def respond(peer, _):
        peer.write(CLOSING)
        peer.transport.close()

    headers = {"connection": "Close"}
    answers, _, server = answers_of(respond, REQUEST_END, driver="http", headers=headers)
    assert (answers.lost, answers.opened) == (0, server.connections)


def test_idle_connections_that_end_are_lost_and_no_errors():
    def respond(peer, number):
        peer.write(PONG)
        if number % 10 == 0:
            peer.server.loop.call_later(0.001, peer.transport.close)

    answers, _, server = answers_of(respond, rate=101.0, duration_s=1.0)
    assert answers.errors == {}
    assert answers.lost == server.requests // 10
    assert answers.opened == server.connections


@pytest.mark.parametrize(
    ("respond", "kind"),
    [
        (lambda peer: peer.transport.abort(), "closed"),
        (lambda peer: peer.write(b"+half"), "timeout"),
        (lambda peer: None, "timeout"),
        (lambda peer: peer.write(b"HTTP/1.1 400\r\n"), "protocol"),
        (lambda peer: peer.write(PONG + PONG), "protocol"),
    ],
)
def test_how_a_request_fails(respond, kind):
    def mostly(peer, number):
        if number % 10 == 0:
            respond(peer)
        else:
            peer.write(PONG)

    answers, counts, server = answers_of(mostly, timeout_s=0.4, connections=20)
    assert answers.errors == {kind: 10}
    assert answers.statuses == {"": 91}
    assert counts.errors == 10
    assert answers.lost == (10 if kind == "closed" else 0)
    # Those that are opened in place of the last ones may come after the load.
    assert 20 < answers.opened <= server.connections


def test_requests_that_find_nobody_listening_were_refused():
    def respond(peer, number):
        if number == 50:
            peer.server.die()
        else:
            peer.write(PONG)

    answers, counts, _ = answers_of(respond, timeout_s=0.5)
    assert answers.statuses == {"": 49}
    assert answers.errors == {"closed": 1, "refused": 101 - counts.sent}
    assert (answers.opened, answers.lost) == (5, 5)
    assert counts.errors == answers.failed


def test_the_warm_up_counts_for_connections_only():
    def respond(peer, number):
        if number <= 20:
            peer.write(CLOSING.replace(b"200 OK", b"500 No"))
            peer.transport.close()
        else:
            peer.write(HTTP_OK)

    answers, _, server = answers_of(
        respond, REQUEST_END, driver="http", warmup_s=0.1, duration_s=0.15
    )
    assert answers.statuses == {"200": sum(answers.statuses.values())}
    assert answers.errors == {}
    assert (answers.opened, answers.lost) == (server.connections, 20)
