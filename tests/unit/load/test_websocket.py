"""WebSocket by bytes, against wsproto's own server."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from socklat_gate.load.expectation import Expectation
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.websocket import (
    WebSocketRequests,
    WebSocketSession,
    masked_frame,
)
from tests.unit.load.h2_server import Asked, Source


def session_of(*messages, binary=None, expected=None, headers=(), fixed=True):
    messages = messages or (Asked(body=b"ping"),)
    none = [None] * len(messages)
    requests = WebSocketRequests(
        Source(*messages, fixed=fixed),
        "shop:8080",
        "/chat?room=1",
        headers,
        binary or [False] * len(messages),
        expected or none,
    )
    return WebSocketSession(requests)


class Server:
    def __init__(self, session, *, accept=True):
        self.session = session
        self.ws = WSConnection(ConnectionType.SERVER)
        self.out = b""
        self.take(session.control())
        (self.request,) = self.events
        if accept:
            self.say(AcceptConnection())
            assert self.deliver() == 0
            assert session.ready

    def take(self, data):
        self.ws.receive_data(data)
        self.events = list(self.ws.events())

    def say(self, event):
        self.out += self.ws.send(event)

    def deliver(self, step=0):
        data, self.out = self.out, b""
        done = 0
        for at in range(0, len(data), step or len(data)):
            done += self.session.feed(data[at : at + (step or len(data))])
        if self.session.has_control:
            self.take(self.session.control())
        return done

    def ask(self, number=0):
        self.take(self.session.request(number))
        return self.events


def test_the_handshake_is_control_bytes_with_the_headers_of_the_load():
    session = session_of(headers=[("X-Key", "v"), ("Host", "example.org"), ("Upgrade", "no")])
    assert session.has_control
    assert not session.ready
    request = Server(session).request
    assert isinstance(request, Request)
    assert (request.host, request.target) == ("example.org", "/chat?room=1")
    assert (
        dict(request.extra_headers).items()
        >= {b"user-agent": b"socklat-gate", b"x-key": b"v"}.items()
    )
    assert dict(request.extra_headers)[b"upgrade"] == b"websocket"
    assert not session.has_control


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize("fixed", [True, False])
def test_one_message_out_and_one_back(step, fixed):
    session = session_of(
        Asked(body="grüße".encode()),
        Asked(body=b"\0\xff" * 40_000),
        Asked(body=b"x" * 200),
        binary=[False, True, True],
        fixed=fixed,
    )
    server = Server(session)
    for number in range(6):
        data = b""
        for event in server.ask(number):
            assert isinstance(event, BytesMessage if number % 3 else TextMessage)
            data += event.data.encode() if isinstance(event, TextMessage) else event.data
            assert event.frame_finished or number % 3 == 1
        assert data == session._requests.source.message(number).body
        server.say(TextMessage(data="öl") if number % 2 else BytesMessage(data=b"x" * 70_000))
        assert server.deliver(step) == 1
        assert (session.size, session.failure) == (3 if number % 2 else 70_000, "")
        assert not session.partial
    assert session.errors == 0
    assert session.reusable


def test_pings_and_pieces_do_not_end_a_message():
    session = session_of()
    server = Server(session)
    server.ask()
    server.say(TextMessage(data="one ", message_finished=False))
    server.say(Ping(payload=b"alive"))
    assert server.deliver() == 0
    assert session.partial
    assert server.events == [Pong(payload=b"alive")]
    server.say(Pong(payload=b"unasked"))
    server.say(TextMessage(data="two"))
    assert server.deliver() == 1
    assert session.size == 7


def test_a_refused_handshake_says_why():
    session = session_of()
    server = Server(session, accept=False)
    server.say(RejectConnection(status_code=404))
    with pytest.raises(BadResponse, match=r"HTTP status 404: check load\.path"):
        server.deliver()


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"garbage\r\n\r\n", b"\x16\x03\x01"]
)
def test_what_is_no_handshake(data):
    session = session_of()
    with pytest.raises(BadResponse, match="WebSocket: "):
        session.feed(data + b"\r\n\r\n")


def test_a_wrong_accept_key():
    session = session_of()
    head = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    with pytest.raises(BadResponse, match="WebSocket: "):
        session.feed(head + b"Sec-WebSocket-Accept: eA==\r\n\r\n")


def test_a_frame_of_no_kind_ends_the_connection():
    session = session_of()
    server = Server(session)
    server.ask()
    assert session.feed(b"\x83\x00") == 1
    assert (session.failure, session.reusable) == ("closed", False)
    assert "1002" in session.last_error


def test_a_close_in_place_of_a_message_is_a_failed_response():
    session = session_of()
    server = Server(session)
    server.ask()
    server.say(CloseConnection(code=1011, reason="no such room"))
    assert server.deliver() == 1
    assert session.failure == "closed"
    assert session.last_error == "WebSocket: closed with code 1011 (no such room)"
    assert not session.reusable
    assert isinstance(server.events[0], CloseConnection)


def test_a_close_between_messages_ends_the_reuse():
    session = session_of()
    server = Server(session)
    server.say(CloseConnection(code=1000))
    assert server.deliver() == 0
    assert not session.reusable
    assert session.errors == 0


@pytest.mark.parametrize(
    ("expected", "failure"),
    [
        (Expectation(min_bytes=4), ""),
        (Expectation(min_bytes=5), "unexpected_size"),
        (Expectation(text=b"lamp"), ""),
        (Expectation(text=b"lamb"), "unexpected_body"),
        (Expectation(regex=re.compile(rb"^l..p$")), ""),
    ],
)
def test_what_is_expected(expected, failure):
    session = session_of(Asked(body=b"a"), Asked(body=b"b"), expected=[None, expected])
    server = Server(session)
    for number in range(4):
        server.ask(number)
        server.say(TextMessage(data="la", message_finished=False))
        server.say(TextMessage(data="mp"))
        assert server.deliver(1) == 1
        assert session.failure == (failure if number % 2 else "")


def test_a_response_that_is_as_expected_after_one_that_was_not():
    session = session_of(expected=[Expectation(text=b"ok")])
    server = Server(session)
    for text, failure in (("no", "unexpected_body"), ("ok", "")):
        server.ask()
        server.say(TextMessage(data=text))
        server.deliver()
        assert session.failure == failure
    assert session.errors == 1


@given(st.binary(max_size=300) | st.integers(65_500, 65_600).map(bytes), st.booleans())
def test_frames_are_read_by_wsproto(data, binary):
    server = Connection(ConnectionType.SERVER)
    if not binary:
        data = data.hex().encode()
    server.receive_data(masked_frame(data, binary=binary))
    events = list(server.events())
    got = b"".join(one.data if binary else one.data.encode() for one in events)
    assert got == data
    assert events[-1].message_finished
