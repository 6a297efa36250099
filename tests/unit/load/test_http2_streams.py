"""Several streams by bytes, against the server side of h2, which checks what RFC 9113 asks."""

from __future__ import annotations

import re
from collections import Counter

import h2.events
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, HeadersFrame, RstStreamFrame, WindowUpdateFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.load.expectation import Expectation
from socklat_gate.load.protocols import http2_connection
from socklat_gate.load.protocols.grpc import call_kept_bytes, judge_call
from socklat_gate.load.protocols.http2_frames import MAX_STREAM
from socklat_gate.load.protocols.http2_requests import Http2Requests, write_http2
from socklat_gate.load.protocols.http2_stream import Judge, http_judge
from socklat_gate.load.protocols.http2_streams import Http2Streams
from socklat_gate.load.protocols.parser import BadResponse
from tests.unit.load.h2_server import Asked, Server, Source
from tests.unit.load.test_grpc import prefixed

GRPC = Judge(call_kept_bytes, judge_call)


def session_of(*messages, most=8, expected=None, judge=http_judge):
    messages = messages or (Asked(),)
    requests = Http2Requests(
        Source(*messages), write_http2("http", "shop:8080"), expected or [None] * len(messages)
    )
    return Http2Streams(requests, most, judge)


def asked(session, count, **options):
    """A server that has so many requests, the streams being 1, 3, ..."""
    server = Server(session, **options)
    for number in range(count):
        server.take(session.request(number))
    server.deliver()
    return server


def test_each_request_has_its_own_response_in_whatever_order_they_come():
    session = session_of()
    server = asked(session, 3)
    assert session.in_flight == 3
    assert session.unended == [0, 1, 2]
    server.respond(5, 404, b"third")
    server.respond(1, 200, b"1")
    assert server.deliver() == 2
    ended = session.ended()
    assert [(one.request, one.status, one.size) for one in ended] == [(2, 404, 5), (0, 200, 1)]
    assert [(one.failure, one.lost) for one in ended] == [("bad_status", False), ("", False)]
    assert session.ended() == []
    assert session.unended == [1]
    server.take(session.request(3))
    server.respond(7)
    server.respond(3)
    assert server.deliver() == 2
    assert session.in_flight == 0


PIECE = st.tuples(st.integers(0, 5), st.integers(1, 3000))


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(PIECE, max_size=30), step=st.sampled_from([0, 1, 9, 100, 5000]))
def test_bodies_in_turns_are_kept_apart_however_they_are_cut(pieces, step):
    session = session_of()
    server = asked(session, 6)
    for stream in range(6):
        server.h2.send_headers(2 * stream + 1, [(":status", str(200 + stream))])
    sizes = Counter()
    for stream, length in pieces:
        sizes[stream] += length
        server.h2.send_data(2 * stream + 1, b"x" * length)
    for stream in range(6):
        server.h2.send_data(2 * stream + 1, b"", end_stream=True)
    assert server.deliver(step) == 6
    found = {one.request: (one.status, one.size, one.failure) for one in session.ended()}
    assert found == {stream: (200 + stream, sizes[stream], "") for stream in range(6)}


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40_000), min_size=1, max_size=6),
    grown=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 20_000)), max_size=20),
    initial=st.integers(0, 70_000),
    later=st.integers(0, 70_000),
)
def test_no_window_is_ever_exceeded_and_every_body_comes_whole(lengths, grown, initial, later):
    """h2 raises where a client sends more than a window allows."""
    session = session_of(*(Asked(method="POST", body=b"y" * n) for n in lengths))
    server = Server(session, {SettingCodes.INITIAL_WINDOW_SIZE: initial})
    got = Counter()
    ended = set()

    def take(data):
        for event in server.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                got[event.stream_id] += len(event.data)
            elif isinstance(event, h2.events.StreamEnded):
                ended.add(event.stream_id)

    def hear():
        while data := server.h2.data_to_send():
            session.feed(data)
            while session.has_control:
                take(session.control())

    for number in range(len(lengths)):
        take(session.request(number))
    streams = [2 * number + 1 for number in range(len(lengths))]
    for at, increment in grown:
        if at == 0:
            server.h2.increment_flow_control_window(increment)
        elif at <= len(streams) and streams[at - 1] not in ended:
            server.h2.increment_flow_control_window(increment, stream_id=streams[at - 1])
        hear()
    server.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: later})
    hear()
    # Room for all that is left.
    server.h2.increment_flow_control_window(sum(lengths) + 1)
    hear()
    for stream, length in zip(streams, lengths, strict=True):
        if length and stream not in ended:
            server.h2.increment_flow_control_window(2 * length + 70_000, stream_id=stream)
            hear()
    assert ended == set(streams)
    assert dict(+got) == {s: n for s, n in zip(streams, lengths, strict=True) if n}


def test_a_body_that_waits_does_not_hold_up_the_others():
    session = session_of(
        Asked(method="POST", body=b"y" * 60_000), Asked(method="POST", body=b"z" * 60_000)
    )
    server = Server(session)
    server.take(session.request(0))
    server.take(session.request(1))  # 5,535 bytes fit into the connection's window
    server.h2.increment_flow_control_window(70_000, stream_id=3)
    server.deliver()
    server.h2.acknowledge_received_data(60_000, 1)
    server.deliver()
    assert len(server.body) == 120_000
    assert len(server.seen(h2.events.StreamEnded)) == 2


def test_a_response_before_the_whole_body_resets_the_rest():
    session = session_of(Asked(method="POST", body=b"y" * 200_000), Asked())
    server = Server(session)
    server.take(session.request(0))
    server.take(session.request(1))
    server.respond(1, 413, b"")
    assert server.deliver() == 1
    (reset,) = server.seen(h2.events.StreamReset)
    assert reset.stream_id == 1
    assert [(one.request, one.failure) for one in session.ended()] == [(0, "bad_status")]
    server.respond(3)
    assert server.deliver() == 1
    assert session.ended()[0].failure == ""


def test_the_limit_follows_the_servers_settings():
    session = session_of(most=8)
    server = Server(session, {SettingCodes.MAX_CONCURRENT_STREAMS: 3})
    assert session.limit == 3
    server.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 100})
    server.deliver()
    assert session.limit == 8
    assert session.reusable
    server.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 0})
    server.deliver()
    assert (session.limit, session.ready, session.reusable) == (0, False, False)


def test_a_reset_ends_one_request_and_no_other():
    session = session_of()
    server = asked(session, 3)
    server.h2.reset_stream(3, ErrorCodes.ENHANCE_YOUR_CALM)
    assert server.deliver() == 1
    (ended,) = session.ended()
    assert (ended.request, ended.failure, ended.lost) == (1, "reset", True)
    assert ended.text == "HTTP/2: RST_STREAM ENHANCE_YOUR_CALM"
    server.respond(1)
    server.respond(5)
    assert server.deliver() == 2
    assert session.reusable


def test_a_reset_behind_a_response_and_late_frames_of_a_given_up_request_mean_nothing():
    session = session_of()
    server = asked(session, 2)
    server.respond(1)
    assert server.deliver() == 1
    assert session.feed(RstStreamFrame(1, error_code=0).serialize()) == 0
    assert session.give_up(1)
    assert not session.give_up(1)
    assert not session.give_up(77)
    assert session.has_control
    late = HeadersFrame(3, data=b"\x88", flags=["END_HEADERS"]).serialize()
    late += DataFrame(3, b"late", flags=["END_STREAM"]).serialize()
    late += WindowUpdateFrame(3, window_increment=7).serialize()
    assert session.feed(late) == 0
    assert [one.request for one in session.ended()] == [0]
    server.take(session.control())
    (reset,) = server.seen(h2.events.StreamReset)
    assert (reset.stream_id, reset.error_code) == (3, ErrorCodes.CANCEL)


def test_a_goaway_ends_what_it_leaves_out():
    session = session_of()
    server = asked(session, 4)
    server.h2.close_connection(ErrorCodes.INTERNAL_ERROR, last_stream_id=3)
    data = server.h2.data_to_send()
    assert session.feed(data) == 2
    assert not session.reusable
    ended = session.ended()
    assert [one.request for one in ended] == [2, 3]
    assert {one.failure for one in ended} == {"closed"}
    assert ended[0].text == "HTTP/2: GOAWAY INTERNAL_ERROR before it"
    rest = b"".join(
        HeadersFrame(stream, data=b"\x88", flags=["END_HEADERS", "END_STREAM"]).serialize()
        for stream in (1, 3)
    )
    assert session.feed(rest) == 2
    assert [(one.request, one.lost) for one in session.ended()] == [(0, False), (1, False)]


def test_expectations_are_of_each_kind_with_its_own_beginning():
    expected = [Expectation(text=b"cart"), Expectation(regex=re.compile(b"^[0-9]+$"))]
    session = session_of(Asked(), Asked(), expected=expected)
    server = asked(session, 4)
    for stream, body in ((3, b"12"), (1, b"a cart"), (5, b"12"), (7, b"a cart")):
        server.respond(stream, body=body)
    assert server.deliver(7) == 4
    found = {one.request: one.failure for one in session.ended()}
    assert found == {0: "", 1: "", 2: "unexpected_body", 3: "unexpected_body"}


def test_only_the_beginning_of_a_body_is_kept():
    session = session_of(expected=[Expectation(text=b"late")])
    server = asked(session, 1)
    server.h2.send_headers(1, [(":status", "200")])
    for _ in range(5):
        server.h2.send_data(1, b"x" * 16_384)
        server.deliver()
    server.h2.send_data(1, b"late", end_stream=True)
    assert server.deliver() == 1
    (ended,) = session.ended()
    assert (ended.size, ended.failure) == (5 * 16_384 + 4, "unexpected_body")


def test_trailers_interim_heads_and_heads_without_a_body():
    session = session_of(Asked(), Asked(method="HEAD"))
    server = asked(session, 2)
    server.h2.send_headers(1, [(":status", "103")])
    server.respond(1, body=b"ok", trailers=[("x", "y")])
    server.respond(3, body=b"", headers=[("content-length", "77")])
    assert server.deliver() == 2
    assert [(one.size, one.failure) for one in session.ended()] == [(2, ""), (0, "")]


def test_a_body_that_is_shorter_than_announced_is_an_error():
    session = session_of()
    server = asked(session, 1)
    server.respond(1, body=b"four", headers=[("content-length", "77")])
    server.deliver()
    (ended,) = session.ended()
    assert (ended.failure, ended.lost) == ("protocol", False)
    assert "4 bytes of body came, and content-length says 77" in ended.text


@pytest.mark.parametrize(
    ("status", "code", "body", "failure", "found"),
    [
        ("200", "0", prefixed(b"item"), "", 1000),
        ("200", "14", b"", "bad_status", 1014),
        ("200", None, prefixed(b"item"), "protocol", 200),
        ("503", None, b"", "bad_status", 503),
        ("200", "0", prefixed(b"item")[:-1], "protocol", 1000),
    ],
)
def test_a_call_fails_by_its_own_status(status, code, body, failure, found):
    session = session_of(Asked(method="POST", body=prefixed(b"q")), judge=GRPC)
    server = asked(session, 2)
    trailers = [("grpc-status", code)] if code else [("x", "y")]
    server.respond(3, body=prefixed(b"other"), trailers=[("grpc-status", "0")])
    server.respond(1, int(status), body, trailers=trailers)
    assert server.deliver() == 2
    other, ended = session.ended()
    assert (other.request, other.failure, other.size) == (1, "", 5)
    assert (ended.status, ended.failure) == (found, failure)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (DataFrame(9, b"x"), "stream 9, which was never opened"),
        (RstStreamFrame(2, error_code=0), "stream 2, which was never opened"),
        (WindowUpdateFrame(11, window_increment=1), "stream 11, which was never opened"),
        (DataFrame(1, b"x"), "a body without a head"),
        (HeadersFrame(1, data=b"\x08\x030xx", flags=["END_HEADERS"]), "cannot be decoded"),
    ],
)
def test_what_no_server_may_say(frame, said):
    session = session_of()
    asked(session, 1)
    with pytest.raises(BadResponse, match=said):
        session.feed(frame.serialize())


def test_a_connection_whose_streams_are_used_up_takes_no_more(monkeypatch):
    session = session_of()
    Server(session)
    session._last = MAX_STREAM - 2
    session.request(0)
    assert not session.reusable


def test_the_servers_window_is_filled_up_for_all_streams_together(monkeypatch):
    monkeypatch.setattr(http2_connection, "REFILL_BYTES", 20_000)
    session = session_of()
    server = asked(session, 3)
    before = server.h2.outbound_flow_control_window
    for stream in (1, 3, 5):
        server.respond(stream, body=b"x" * 10_000)
    assert server.deliver() == 3
    assert server.h2.outbound_flow_control_window == before - 30_000 + 20_000
