"""HTTP/2 by bytes, against the server side of h2, which checks what RFC 9113 asks of a client."""

from __future__ import annotations

import itertools
import re
import struct

import h2.events
import h2.settings
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.load.expectation import Expectation
from socklat_gate.load.protocols import http2_connection
from socklat_gate.load.protocols.http2_frames import MAX_STREAM, frame
from socklat_gate.load.protocols.parser import BadResponse
from tests.unit.load.h2_server import Asked, Server, session_of


def in_flight(**options):
    """A session with a request in flight, and its server."""
    session = session_of(Asked(**options))
    server = Server(session)
    server.ask()
    return session, server


def test_requests_wait_until_both_sides_settings_are_known():
    session = session_of()
    server = Server(session, greet=False)
    assert session.has_control
    assert not session.ready
    preface = session.control()
    assert not session.has_control
    assert session.control() == b""
    server.h2.initiate_connection()
    session.feed(server.h2.data_to_send())  # its settings, but ours are not acknowledged yet
    assert not session.ready
    server.take(preface + session.control())
    session.feed(server.h2.data_to_send())
    assert session.ready
    assert not session.has_control


def test_a_request_has_its_headers_in_order():
    session = session_of(Asked(path="/a b?q=ä", headers=(("X-Key", "v"), ("Accept", "text/html"))))
    server = Server(session)
    stream, headers = server.ask()
    assert stream == 1
    assert headers == [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "shop:8080"),
        (":path", "/a%20b?q=%C3%A4"),
        ("user-agent", "socklat-gate"),
        ("x-key", "v"),
        ("accept", "text/html"),
    ]
    assert server.seen(h2.events.StreamEnded)


def test_headers_of_http_1_are_translated_or_left_out():
    session = session_of(
        Asked(headers=(("Host", "example.org"), ("Connection", "close"), ("Upgrade", "x")))
    )
    _, headers = Server(session).ask()
    assert (":authority", "example.org") in headers
    assert not {"host", "connection", "upgrade"} & {name for name, _ in headers}


def test_a_body_has_its_length():
    session = session_of(Asked(method="POST", body=b"abc"), Asked(method="POST"))
    server = Server(session)
    stream, headers = server.ask(0)
    assert ("content-length", "3") in headers
    assert server.body == b"abc"
    server.respond(stream)
    server.deliver()
    _, headers = server.ask(1)
    assert ("content-length", "0") in headers
    assert server.seen(h2.events.StreamEnded)


@pytest.mark.parametrize("step", [0, 1, 2, 7, 8, 9, 10, 1000])
@pytest.mark.parametrize("fixed", [True, False])
def test_one_response_after_the_other_however_they_are_cut(step, fixed):
    session = session_of(Asked(), Asked(path="/b", method="POST", body=b"x" * 20_000), fixed=fixed)
    server = Server(session)
    for number in range(6):
        stream, headers = server.ask(number)
        assert stream == 2 * number + 1
        assert (":path", "/b" if number % 2 else "/") in headers
        assert server.body == (b"x" * 20_000 if number % 2 else b"")
        server.respond(stream, body=b"y" * (4_000 * number), headers=[("etag", f"{number % 2}")])
        assert server.deliver(step) == 1
        assert (session.status, session.size, session.failure) == (200, 4_000 * number, "")
        assert session.reusable
        assert not session.partial
    assert session.errors == 0


def test_a_response_to_head_has_no_body():
    session, server = in_flight(method="HEAD")
    server.respond(1, body=b"", headers=[("content-length", "77")])
    assert server.deliver() == 1
    assert (session.size, session.failure) == (0, "")


def test_a_body_that_is_shorter_than_announced_is_an_error():
    session, server = in_flight()
    server.respond(1, body=b"four", headers=[("content-length", "77")])
    assert server.deliver() == 1
    assert session.failure == "protocol"
    assert "4 bytes" in session.last_error
    assert "77" in session.last_error


def test_frames_of_the_connection_do_not_end_a_response():
    session, server = in_flight()
    server.h2.send_headers(1, [(":status", "103"), ("link", "</x>")])
    server.h2.send_headers(1, [(":status", "200")])
    assert server.deliver() == 0
    server.h2.ping(b"12345678")
    server.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100_000})
    server.h2.increment_flow_control_window(77)
    server.h2.increment_flow_control_window(78, stream_id=1)
    server.h2.send_data(1, b"part")
    assert server.deliver() == 0
    assert session.partial
    assert [event.ping_data for event in server.seen(h2.events.PingAckReceived)] == [b"12345678"]
    assert server.seen(h2.events.SettingsAcknowledged)
    server.h2.send_data(1, b"", pad_length=9)
    server.h2.send_data(1, b"rest", pad_length=3)
    server.h2.send_headers(1, [("x-trailer", "1")], end_stream=True)
    assert server.deliver() == 1
    assert (session.status, session.size, session.failure) == (200, 8, "")


def test_the_window_is_filled_up_once_much_has_come(monkeypatch):
    monkeypatch.setattr(http2_connection, "REFILL_BYTES", 30_000)
    _session, server = in_flight()
    server.respond(1, body=b"x" * 20_000)
    assert server.deliver() == 1
    assert not server.seen(h2.events.WindowUpdated)
    server.ask()
    server.respond(3, body=b"x" * 20_000)
    assert server.deliver() == 1
    (update,) = server.seen(h2.events.WindowUpdated)
    assert (update.stream_id, update.delta) == (0, 20_000 + 16_384)


def test_windows_are_open_from_the_start():
    _session, server = in_flight()
    assert server.h2.local_flow_control_window(1) == MAX_STREAM
    assert server.h2.remote_settings.enable_push == 0


def test_headers_in_pieces_with_padding_and_priority():
    session, server = in_flight()
    block = server.h2.encoder.encode([(":status", "200"), ("x", "y" * 100)])
    head = HeadersFrame(1, block[:10], flags={"PADDED", "PRIORITY"}, pad_length=5, depends_on=0)
    parts = [head, ContinuationFrame(1, block[10:20]), ContinuationFrame(1, block[20:])]
    parts[-1].flags.add("END_HEADERS")
    for part in parts:
        assert session.feed(part.serialize()) == 0
    assert session.feed(DataFrame(1, b"body", flags={"END_STREAM"}).serialize()) == 1
    assert (session.status, session.size) == (200, 4)


def test_end_of_the_stream_on_a_head_that_continues():
    session, server = in_flight()
    block = server.h2.encoder.encode([(":status", "204")])
    assert session.feed(HeadersFrame(1, block[:1], flags={"END_STREAM"}).serialize()) == 0
    last = ContinuationFrame(1, block[1:], flags={"END_HEADERS"})
    assert session.feed(last.serialize()) == 1
    assert (session.status, session.size) == (204, 0)


def test_goaway_lets_the_response_come_and_nothing_after_it():
    session, server = in_flight()
    session.feed(GoAwayFrame(0, last_stream_id=1).serialize())
    assert not session.reusable
    server.respond(1)
    assert server.deliver() == 1
    assert (session.status, session.failure) == (200, "")
    assert not session.reusable


def test_goaway_between_requests_ends_the_reuse():
    session, server = in_flight()
    server.respond(1)
    server.deliver()
    assert session.reusable
    session.feed(GoAwayFrame(0, last_stream_id=1).serialize())
    assert not session.reusable


def test_goaway_that_leaves_the_request_out_is_a_failed_response():
    session, _ = in_flight()
    goaway = GoAwayFrame(0, last_stream_id=0, error_code=ErrorCodes.ENHANCE_YOUR_CALM)
    assert session.feed(goaway.serialize()) == 1
    assert session.failure == "closed"
    assert "ENHANCE_YOUR_CALM" in session.last_error
    assert session.errors == 1


@pytest.mark.parametrize(("code", "name"), [(7, "REFUSED_STREAM"), (2, "INTERNAL"), (99, "99")])
def test_a_reset_stream_is_a_failed_response_and_the_connection_goes_on(code, name):
    session, server = in_flight()
    assert session.feed(RstStreamFrame(1, error_code=code).serialize()) == 1
    assert session.failure == "reset"
    assert name in session.last_error
    assert session.reusable
    session.request(0)
    block = server.h2.encoder.encode([(":status", "200")])
    end = HeadersFrame(3, block, flags={"END_HEADERS", "END_STREAM"}).serialize()
    assert session.feed(end) == 1
    assert (session.status, session.failure, session.errors) == (200, "", 1)


def test_a_reset_after_the_response_changes_nothing():
    session, server = in_flight()
    server.respond(1)
    assert server.deliver() == 1
    assert session.feed(RstStreamFrame(1, error_code=0).serialize()) == 0
    assert session.failure == ""


@pytest.mark.parametrize("window", [0, 300, 1000, 16_384, 16_385, 65_535, 70_000])
def test_a_long_body_waits_for_the_server_windows(window):
    body = bytes(range(256)) * 800
    session = session_of(Asked(method="PUT", body=body))
    server = Server(session, {SettingCodes.INITIAL_WINDOW_SIZE: window})
    server.ask()
    if window == 0:
        assert server.body == b""
        server.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100_000})
        server.deliver()
    assert server.body == body
    assert server.seen(h2.events.StreamEnded)
    server.respond(1)
    assert server.deliver() == 1
    assert session.failure == ""


def test_settings_may_make_a_window_negative():
    session = session_of(Asked(method="PUT", body=b"\xee" * 300))
    Server(session, {SettingCodes.INITIAL_WINDOW_SIZE: 200})
    assert session.request(0).count(b"\xee") == 200
    session.feed(SettingsFrame(0, settings={4: 50}).serialize())
    session.control()
    session.feed(frame(8, 0, 1, struct.pack(">I", 150)))  # the stream's window is 0 now
    assert not session.has_control
    session.feed(frame(8, 0, 1, struct.pack(">I", 100)))
    assert session.control() == frame(0, 1, 1, b"\xee" * 100)


def test_a_response_before_the_body_was_sent_resets_the_stream():
    session = session_of(Asked(method="PUT", body=b"x" * 300), Asked())
    server = Server(session, {SettingCodes.INITIAL_WINDOW_SIZE: 100})
    server.take(session.request(0))
    server.h2.data_to_send()  # no update of the window arrives
    server.h2.send_headers(1, [(":status", "413")], end_stream=True)
    assert server.deliver() == 1
    assert (session.status, session.failure) == (413, "bad_status")
    (reset,) = server.seen(h2.events.StreamReset)
    assert (reset.stream_id, reset.error_code) == (1, ErrorCodes.CANCEL)
    stream, _ = server.ask(1)
    server.respond(stream)
    assert server.deliver() == 1
    assert session.failure == ""


def test_no_stream_left_ends_the_reuse():
    session, server = in_flight()
    server.respond(1)
    server.deliver()
    session._stream = MAX_STREAM - 2
    session.request(0)
    block = server.h2.encoder.encode([(":status", "200")])
    end = HeadersFrame(MAX_STREAM, block, flags={"END_HEADERS", "END_STREAM"}).serialize()
    assert session.feed(end) == 1
    assert not session.reusable


def test_a_smaller_decoding_table_is_confirmed():
    session = session_of()
    server = Server(session, {SettingCodes.HEADER_TABLE_SIZE: 0})
    for number in range(3):
        stream, _ = server.ask(number)  # h2 raises unless the first block confirms it
        server.respond(stream)
        assert server.deliver() == 1


def test_a_server_that_takes_no_streams_yet_is_not_ready():
    session = session_of()
    session.feed(frame(4, 0, 0, struct.pack(">HI", 3, 0)) + frame(4, 1, 0))
    assert not session.ready
    session.feed(frame(4, 0, 0, struct.pack(">HI", 3, 1)))
    assert session.ready
    assert session.reusable


def test_a_server_that_takes_no_more_streams_ends_the_reuse():
    session, server = in_flight()
    server.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 0})
    server.respond(1)
    assert server.deliver() == 1
    assert session.failure == ""
    assert not session.reusable


@pytest.mark.parametrize(
    ("expected", "status", "body", "failure"),
    [
        (None, 399, b"", ""),
        (None, 400, b"", "bad_status"),
        (Expectation(statuses=frozenset({404})), 404, b"", ""),
        (Expectation(statuses=frozenset({404})), 200, b"", "unexpected_status"),
        (Expectation(min_bytes=3), 200, b"abc", ""),
        (Expectation(min_bytes=3), 200, b"ab", "unexpected_size"),
        (Expectation(text=b"needle"), 200, b"a needle", ""),
        (Expectation(text=b"needle"), 200, b"hay", "unexpected_body"),
        (Expectation(regex=re.compile(rb"n\d")), 200, b"n1", ""),
        (Expectation(regex=re.compile(rb"n\d")), 200, b"nn", "unexpected_body"),
    ],
)
def test_what_is_expected_of_each_kind(expected, status, body, failure):
    session = session_of(Asked(), Asked(), expected=[None, expected])
    server = Server(session)
    for number in range(4):
        stream, _ = server.ask(number)
        if number % 2:
            server.respond(stream, status, body)
        else:
            server.respond(stream, 200, b"needl")
        assert server.deliver(1) == 1
        assert session.failure == (failure if number % 2 else "")


def of_server(*frames):
    return b"".join(one.serialize() for one in frames)


BAD = {
    "HTTP/1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP/1.1"),
    "no settings": (of_server(GoAwayFrame(0)), "SETTINGS"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_begin_as_http_2(name):
    data, text = BAD[name]
    with pytest.raises(BadResponse, match=text):
        session_of().feed(data)


def bad_block():
    return HeadersFrame(1, b"\xff\xff\xff\xff\xff", flags={"END_HEADERS"})


STATUS_200 = b"\x88"
WRONG = {
    "body without a head": of_server(DataFrame(1, b"x")),
    "stream never opened": of_server(DataFrame(3, b"x")),
    "stream of the server's": of_server(DataFrame(2, b"x")),
    "push": of_server(PushPromiseFrame(1, 2, STATUS_200, flags={"END_HEADERS"})),
    "block that is no hpack": of_server(bad_block()),
    "no status": of_server(HeadersFrame(1, b"\x00\x01a\x01b", flags={"END_HEADERS"})),
    "status that is no number": of_server(
        HeadersFrame(1, b"\x08\x03abc", flags={"END_HEADERS", "END_STREAM"})
    ),
    "status of five digits": of_server(
        HeadersFrame(1, b"\x08\x0599999", flags={"END_HEADERS", "END_STREAM"})
    ),
    "interim head that ends": of_server(
        HeadersFrame(1, b"\x08\x03103", flags={"END_HEADERS", "END_STREAM"})
    ),
    "trailers that do not end": of_server(HeadersFrame(1, STATUS_200, flags={"END_HEADERS"})) * 2,
    "continuation alone": of_server(ContinuationFrame(1, STATUS_200)),
    "block interrupted": of_server(HeadersFrame(1, STATUS_200), DataFrame(1, b"x")),
    "block of another stream": of_server(HeadersFrame(1, STATUS_200), ContinuationFrame(3, b"")),
    "long frame": frame(0, 0, 1, bytes(16_385)),
    "short ping": frame(6, 0, 0, b"1234"),
    "short settings": frame(4, 0, 0, b"1234"),
    "short goaway": frame(7, 0, 0, b"1234"),
    "short reset": frame(3, 0, 1, b"12"),
    "short update": frame(8, 0, 1, b"12"),
    "padding": of_server(HeadersFrame(1, STATUS_200, flags={"END_HEADERS"}))
    + frame(0, 8, 1, b"\x05abc"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_http_2(name):
    session, _ = in_flight()
    with pytest.raises(BadResponse, match=r"HTTP/2: "):
        session.feed(WRONG[name])


def test_a_header_block_without_end_is_bounded():
    session, _ = in_flight()
    session.feed(of_server(HeadersFrame(1, bytes(16_000))))
    many = of_server(ContinuationFrame(1, bytes(16_000))) * 100
    with pytest.raises(BadResponse, match="longer than"):
        session.feed(many)


def test_no_bytes_of_a_body_are_kept():
    session, server = in_flight()
    server.h2.send_headers(1, [(":status", "200")])
    for _ in range(50):
        server.h2.send_data(1, b"x" * 16_384)
    server.deliver()
    assert len(session._kept) + len(session._held) == 0


def transcript():
    """What a server says to a client with a request in flight."""
    _, server = in_flight()
    server.h2.send_headers(1, [(":status", "200"), ("content-type", "text/plain"), ("x", "y" * 50)])
    server.h2.ping(b"12345678")
    server.h2.send_data(1, b"body", pad_length=2)
    server.h2.send_headers(1, [("grpc-status", "0")], end_stream=True)
    return server.h2.data_to_send()


TRANSCRIPT = transcript()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_bytes_that_are_damaged_raise_nothing_else(data):
    session, _ = in_flight()
    damaged = bytearray(TRANSCRIPT)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    try:
        done = session.feed(bytes(damaged[:cut])) + session.feed(bytes(damaged[cut:]))
    except BadResponse:
        return
    assert done <= 1


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(1, len(TRANSCRIPT) - 1)))
def test_the_chunks_do_not_matter(cuts):
    session, _ = in_flight()
    edges = [0, *sorted(cuts), len(TRANSCRIPT)]
    done = sum(session.feed(TRANSCRIPT[a:b]) for a, b in itertools.pairwise(edges))
    assert done == 1
    assert (session.status, session.size, session.partial) == (200, 4, False)
