"""The driver with several requests in flight on a connection, against servers in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter

import h2.connection
import h2.errors
import h2.events
import numpy as np
import pytest
from h2.settings import SettingCodes

from tests.certificates import issue
from tests.unit.load.load_of import load_of
from tests.unit.load.test_framed_load import (
    BytesServer,
    Http2Peer,
    Shop,
    grpc,
    http2,
    http2_server,
    secured,
    served,
)
from tests.unit.load.virtual import LEAD_NS, connect, run

MS = 1_000_000


class Slow(Http2Peer):
    """Responds to a whole request ``delay_s(number)`` after it came; knows how many it has."""

    most = 0

    def __init__(self, peer, delay_s, settings=None, respond=None):
        self.delay_s = delay_s
        self.has = 0
        self.settings = settings
        self.say_it = respond or (lambda self, stream: self.say(stream, b"ok"))
        super().__init__(peer, self.later)
        if settings:
            self.h2.update_settings(settings)
            self.flush()

    def later(self, _, stream, *__):
        self.has += 1
        self.most = max(self.most, self.has)
        number = self.requests
        asyncio.get_running_loop().call_later(self.delay_s(number), self.end, stream)

    def end(self, stream):
        self.has -= 1
        self.say_it(self, stream)
        self.flush()


def slow_server(delay_s, settings=None, respond=None, tls=None):
    fixed = delay_s if callable(delay_s) else lambda _: delay_s
    server = BytesServer(lambda peer: Slow(peer, fixed, settings, respond), tls)
    server.most = lambda: max(state.most for state in server.states.values())
    return server


def calls_of(load, *servers):
    """Counts by arm, and the rows of all requests."""
    driver, worker = connect(load, *servers)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        counts = driver.wait()
        return counts, driver.sent()


def test_as_many_requests_are_in_flight_as_streams_allow():
    # 1000 requests a second of 20 ms each: 20 at once, of 2 * 16 that may be.
    server = slow_server(0.02)
    load = http2(rate=1000.0, connections=2, streams=16, duration_s=0.5)
    (counts,) = run(load, server)
    assert (counts.errors, counts.first_error, counts.starved) == (0, "", 0)
    assert counts.responded == counts.planned == 500
    assert server.connections == counts.answers.opened == 2
    assert 8 <= server.most() <= 11
    assert (counts.streams.asked, counts.streams.allowed) == (16, 16)
    assert counts.streams.most == server.most()
    assert counts.client.quantile_ns(0.99) == pytest.approx(20 * MS, rel=0.02)


@pytest.mark.parametrize("limit", [1, 3])
def test_the_services_limit_is_kept_and_waiting_counts_from_the_due_time(limit):
    server = slow_server(0.01, {SettingCodes.MAX_CONCURRENT_STREAMS: limit})
    # 20 at once would be needed: what waits for a stream is slower, and is no error.
    load = http2(rate=2000.0, connections=2, streams=16, duration_s=0.5, timeout_s=60.0)
    (counts,), rows = calls_of(load, server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned == 1000
    assert server.most() == counts.streams.most == limit
    assert (counts.streams.asked, counts.streams.allowed) == (16, limit)
    assert server.connections == 2
    assert counts.starved > 900
    # The last one waited until all before it were served.
    served_s = 1000 * 0.01 / (2 * limit)
    waited_ns = (rows["done_ns"] - rows["due_ns"]).max()
    assert waited_ns == pytest.approx((served_s - 0.5) * 1e9, rel=0.05)
    assert counts.client.max_ns() == pytest.approx(waited_ns, rel=0.02)


def test_a_limit_that_is_lowered_later_is_kept_too():
    server = slow_server(0.01)

    def lower():
        for state in server.states.values():
            state.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
            state.flush()
            state.most = 0

    load = http2(rate=1000.0, connections=1, streams=16, duration_s=1.0, timeout_s=60.0)
    driver, worker = connect(load, server)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        worker.loop.call_later(0.5, lower)
        worker.loop.call_later(0.6, lambda: [setattr(s, "most", 0) for s in server.states.values()])
        (counts,) = driver.wait()
    assert (counts.errors, counts.first_error) == (0, "")
    assert server.most() == 2
    assert (counts.streams.allowed, counts.streams.asked) == (2, 16)


def test_one_slow_response_keeps_no_other_from_its_end_and_is_not_hidden():
    server = slow_server(lambda number: 0.3 if number == 20 else 0.001)
    load = http2(rate=404.0, connections=1, streams=8, duration_s=0.5)
    (counts,), rows = calls_of(load, server)
    assert (counts.errors, counts.starved) == (0, 0)
    took_ns = np.sort(rows["done_ns"] - rows["due_ns"])
    assert took_ns[-1] == pytest.approx(300 * MS, rel=0.02)
    assert took_ns[-2] < 2 * MS


def test_a_pause_of_the_service_is_seen_by_all_that_wait_for_it():
    server = slow_server(0.0)
    load = http2(rate=1000.0, connections=1, streams=4, duration_s=1.0)
    driver, worker = connect(load, server)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        worker.loop.call_later(0.3, server.pause, 0.4)
        (counts,) = driver.wait()
    # No coordinated omission: 400 of 1000 requests were due in the pause, and 4 were in flight.
    slow = counts.client.counts[counts.client.counts.size // 2 :]
    assert slow.size
    assert counts.client.quantile_ns(0.61) > 5 * MS
    assert counts.client.quantile_ns(0.8) == pytest.approx(200 * MS, rel=0.1)
    assert counts.client.max_ns() == pytest.approx(400 * MS, rel=0.05)


def test_names_are_kept_apart():
    load = load_of(
        driver="http",
        http="2",
        streams=32,
        rate=1000.0,
        connections=1,
        request=[
            {"name": "fast", "weight": 3.0, "path": "/fast"},
            {"name": "slow", "path": "/slow"},
        ],
    )

    def respond(peer, stream, headers, _):
        delay_s = 0.05 if headers[b":path"] == b"/slow" else 0.001
        asyncio.get_running_loop().call_later(delay_s, end, peer, stream)

    def end(peer, stream):
        peer.say(stream, b"ok")
        peer.flush()

    (counts,), rows = calls_of(load, http2_server(respond))
    assert counts.errors == 0
    assert counts.requests["fast"].client.max_ns() == pytest.approx(MS, rel=0.02)
    assert counts.requests["slow"].client.quantile_ns(0.1) == pytest.approx(50 * MS, rel=0.02)
    assert Counter(rows["kind"].tolist()) == {
        0: counts.requests["fast"].planned,
        1: counts.requests["slow"].planned,
    }


def test_every_reset_is_an_error_and_none_a_latency():
    def reset(peer, stream):
        if stream % 8 == 1:
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            peer.say(stream, b"ok")

    server = slow_server(0.01, respond=reset)
    load = http2(rate=800.0, connections=1, streams=16, duration_s=0.5, max_errors=1.0)
    (counts,), rows = calls_of(load, server)
    assert counts.planned == counts.sent == 400
    assert counts.errors == counts.answers.errors["reset"] == 100
    assert counts.responded == counts.client.total == 300
    assert counts.no_response_total == 100
    assert np.count_nonzero(rows["done_ns"] == 0) == 100
    assert "RST_STREAM REFUSED_STREAM" in counts.first_error
    assert server.connections == 1  # the others went on


def test_a_goaway_ends_those_that_it_leaves_out_and_the_others_end_as_ever():
    closed = []

    def respond(peer, stream):
        if stream == 41 and not closed:
            closed.append(stream)
            assert peer.has >= 3
            peer.h2.close_connection(last_stream_id=stream + 2)
            peer.flush()
            # h2 itself takes no more of this connection: its last responses by hand.
            for one in (stream, stream + 2):
                frames = b"\0\0\x01\x01\x04" + one.to_bytes(4, "big") + b"\x88"
                peer.peer.write(frames + b"\0\0\x02\0\x01" + one.to_bytes(4, "big") + b"ok")
        elif not closed or peer.peer.number > 1:
            peer.say(stream, b"ok")

    server = slow_server(0.01, respond=respond)
    load = http2(rate=800.0, connections=1, streams=16, duration_s=0.5, max_errors=1.0)
    (counts,) = run(load, server)
    left_out = counts.answers.errors["closed"]
    assert 3 <= left_out == counts.errors <= 8
    assert counts.responded == counts.planned - left_out
    assert "GOAWAY NO_ERROR before it" in counts.first_error
    assert counts.answers.lost == 1
    assert server.connections == 2


def test_a_closed_connection_fails_all_that_are_in_flight_there():
    def respond(peer, stream):
        if stream == 41 and peer.peer.number == 1:
            peer.peer.transport.abort()
        else:
            peer.say(stream, b"ok")

    server = slow_server(0.01, respond=respond)
    load = http2(rate=800.0, connections=1, streams=16, duration_s=0.5, max_errors=1.0)
    (counts,) = run(load, server)
    assert counts.errors == counts.answers.errors["closed"] + counts.answers.errors.get("reset", 0)
    assert 6 <= counts.errors <= 10
    assert counts.responded == counts.planned - counts.errors
    assert counts.answers.lost == 1
    assert server.connections == 2


def test_a_request_that_times_out_is_one_error_and_the_connection_stays():
    server = slow_server(lambda number: 60.0 if number == 20 else 0.001)
    load = http2(rate=404.0, connections=1, streams=4, duration_s=1.0, timeout_s=0.4)
    (counts,), rows = calls_of(load, server)
    assert counts.errors == counts.answers.errors["timeout"] == 1
    assert counts.responded == counts.planned - 1
    assert np.count_nonzero(rows["done_ns"] == 0) == 1
    assert server.connections == 1
    assert "no response within 0.4 s" in counts.first_error


def test_over_tls_a_request_that_times_out_is_given_up_at_once(tmp_path):
    issued = issue(tmp_path, "server")
    server = slow_server(lambda number: 60.0 if number == 20 else 0.001, tls=served(issued, "h2"))
    resets = []

    class Told(Slow):
        def take(self, data):
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.StreamReset):
                    resets.append(event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.requests += 1
                    self.later(self, event.stream_id)
            self.flush()

    server.make = lambda peer: Told(peer, lambda number: 60.0 if number == 20 else 0.001)
    load = http2(
        rate=404.0,
        connections=1,
        streams=4,
        duration_s=0.05,  # nothing else is said after that
        timeout_s=0.4,
        **secured(issued),
    )
    (counts,) = run(load, server)
    assert counts.errors == counts.answers.errors["timeout"] == 1
    assert len(resets) == 1


def test_a_service_that_never_responds_leaves_nothing_but_errors():
    server = slow_server(60.0)
    load = http2(rate=404.0, connections=1, streams=4, duration_s=0.5, timeout_s=0.2)
    (counts,) = run(load, server)
    assert counts.responded == counts.client.total == 0
    assert counts.errors == counts.answers.errors["timeout"] == counts.planned == 202
    assert counts.streams.most == 4


def test_bytes_that_are_no_http_2_end_the_connection_and_all_on_it():
    def respond(peer, stream):
        if stream == 41 and peer.peer.number == 1:
            peer.peer.write(b"\0\0\x04\x03\0\0\0\x10\x01\0\0\0\0")  # RST_STREAM of no stream
        else:
            peer.say(stream, b"ok")

    (counts,) = run(
        http2(rate=800.0, connections=1, streams=16, duration_s=0.5, max_errors=1.0),
        slow_server(0.01, respond=respond),
    )
    assert counts.errors == counts.answers.errors["protocol"] >= 6
    assert "which was never opened" in counts.first_error


def test_grpc_statuses_are_errors_whatever_the_status_of_http():
    shop = Shop()
    load = grpc(
        streams=8,
        connections=1,
        request=[
            {"name": "add", "weight": 3.0, "path": "/shop.Cart/Add", "body": '{"name": "x"}'},
            {"name": "bad", "path": "/shop.Cart/Add", "body": '{"id": 5}'},
        ],
        max_errors=1.0,
    )
    (counts,) = run(load, http2_server(shop.respond))
    bad = counts.requests["bad"]
    assert counts.responded == counts.planned == len(shop.seen) == 101
    assert counts.errors == bad.errors == bad.responded > 10
    assert counts.answers.statuses == {"0": counts.responded - bad.errors, "3": bad.errors}
    assert "grpc-status 3 (INVALID_ARGUMENT): no name" in counts.first_error


def test_over_tls(tmp_path):
    issued = issue(tmp_path, "server")
    server = slow_server(0.02, tls=served(issued, "h2"))
    load = http2(rate=1000.0, connections=2, streams=16, duration_s=0.3, **secured(issued))
    (counts,) = run(load, server)
    assert (counts.errors, counts.first_error, counts.starved) == (0, "", 0)
    assert counts.responded == counts.planned == 300
    assert counts.handshakes.total == server.connections == 2
    assert 8 <= counts.streams.most <= 11


def test_bodies_wait_for_the_windows_of_connection_and_stream():
    sizes = Counter()

    def respond(peer, stream, _, body):
        sizes[len(body)] += 1
        asyncio.get_running_loop().call_later(0.02, end, peer, stream, len(body))

    def end(peer, stream, length):
        peer.h2.increment_flow_control_window(length)  # of the connection
        peer.say(stream, b"ok")
        peer.flush()

    body = "x" * 20_000
    load = http2(method="POST", body=body, rate=404.0, connections=1, streams=8, timeout_s=60.0)
    (counts,) = run(load, http2_server(respond))
    assert (counts.errors, counts.first_error) == (0, "")
    assert sizes == {20_000: 101}
    # 8 at once would be 20 ms each; the connection's window lets out 3 bodies at a time.
    assert counts.client.max_ns() > 200 * MS


def test_further_connections_are_opened_only_when_asked_for():
    server = slow_server(0.1)
    load = http2(
        rate=404.0, connections=1, streams=2, duration_s=0.5, timeout_s=60.0, max_connections=None
    )
    (counts,) = run(load, server)
    assert (server.connections, counts.grown) == (1, 0)
    server = slow_server(0.1)
    (counts,) = run(load.model_copy(update={"max_connections": 30}), server)
    assert 15 <= server.connections <= 30
    assert counts.grown == server.connections - 1
    assert counts.errors == 0


def test_requests_of_an_unwelcome_connection_are_sent_again():
    def make(peer):
        if peer.number > 1:
            peer.transport.close()
        return Slow(peer, lambda _: 0.05)

    server = BytesServer(make)
    load = http2(rate=404.0, connections=1, streams=4, duration_s=0.5, timeout_s=60.0)
    (counts,) = run(load.model_copy(update={"max_connections": 5}), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned
