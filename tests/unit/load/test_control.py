"""Bytes that are no part of a request: sent marked, before and between requests."""

from __future__ import annotations

import asyncio
import socket

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load import connection as connection_module
from socklat_gate.load import outgoing, pool_members
from socklat_gate.load.marking import (
    CONTROL_AFTER_DSFIELD,
    CONTROL_DSFIELD,
    CONTROL_IN_FLIGHT_DSFIELD,
    LONG_DSFIELD,
    LONG_TOO_DSFIELD,
    NO_DSFIELD,
    set_dsfield,
)
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.parser_state import ParserState
from tests.unit.load.load_of import load_of
from tests.unit.load.virtual import VirtualServer, connect, run


class Greeting(ParserState):
    """`ClientSession` of lines: says HELLO, is ready after WELCOME, and answers each PING."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.has_control = True
        self.due = b"HELLO\n"

    def control(self) -> bytes:
        due, self.due, self.has_control = self.due, b"", False
        return due

    def request(self, request: int) -> bytes:
        return b"GET %d\n" % request

    def feed(self, data: bytes) -> int:
        done = 0
        for line in data.splitlines():
            if line == b"NO":
                raise BadResponse("no such name: set load.name")
            if line == b"WELCOME":
                self.ready = True
            elif line == b"PING":
                self.due, self.has_control = self.due + b"PONG\n", True
            else:
                done += 1
        return done

    def eof(self) -> int:
        return 0


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, int]]:
    """What connections sent, with the field that the segment had."""
    sent: list[tuple[bytes, int]] = []
    fields: dict[int, int] = {}

    def mark(sock: socket.socket, value: int) -> None:
        fields[sock.fileno()] = value

    class Session(Greeting):
        pass

    monkeypatch.setattr(outgoing, "set_dsfield", mark)
    monkeypatch.setattr(pool_members, "session_for", lambda *_: Session)
    send = connection_module.Connection.send
    control = connection_module.Connection._send_control

    def noted_send(self, request):
        send(self, request)
        sent.append((b"GET", fields.get(self._sock.fileno(), 0)))

    def noted_control(self, dsfield):
        due = self._session.due
        control(self, dsfield)
        sent.append((due.strip(), fields[self._sock.fileno()]))

    monkeypatch.setattr(connection_module.Connection, "send", noted_send)
    monkeypatch.setattr(connection_module.Connection, "_send_control", noted_control)
    return sent


def respond(peer, _):
    if peer.data == b"HELLO\n":
        peer.write(b"WELCOME\n")
    elif peer.data.startswith(b"GET"):
        number = int(peer.data.split()[1])
        if number % 3 == 1:
            peer.write(b"PING\n")  # in the middle of the response
            peer.server.loop.call_later(0.001, peer.write, b"OK\n")
        else:
            peer.write(b"OK\nPING\n" if number % 3 == 2 else b"OK\n")


def test_control_bytes_are_marked_and_requests_are_not(marks):
    server = VirtualServer(respond, b"\n")
    (counts,) = run(load_of(connections=1, rate=20.0, duration_s=1.0), server)
    assert (counts.errors, counts.first_error, counts.responded) == (0, "", 20)
    assert marks[0] == (b"HELLO", CONTROL_DSFIELD)
    assert {mark for what, mark in marks if what == b"GET"} == {NO_DSFIELD}
    of_pong = [mark for what, mark in marks if what == b"PONG"]
    assert of_pong[:4] == [CONTROL_IN_FLIGHT_DSFIELD, CONTROL_DSFIELD] * 2


@pytest.mark.parametrize(
    ("later_s", "mark"), [(0.02, CONTROL_AFTER_DSFIELD), (0.0005, CONTROL_DSFIELD)]
)
def test_a_reply_to_what_came_after_the_response_says_so(marks, later_s, mark):
    def late(peer, number):
        if not peer.data.startswith(b"GET"):
            respond(peer, number)
        else:
            peer.write(b"OK\n")
            peer.server.loop.call_later(later_s, peer.write, b"PING\n")

    load = load_of(connections=1, rate=10.0, duration_s=1.0)
    server = VirtualServer(late, b"\n")
    (counts,) = run(load, server)
    assert counts.errors == 0
    assert {field for what, field in marks if what == b"PONG"} == {mark}


def test_requests_wait_until_a_connection_is_ready(marks):
    def slow(peer, number):
        if peer.data == b"HELLO\n":
            peer.server.loop.call_later(0.3, peer.write, b"WELCOME\n")
        else:
            respond(peer, number)

    driver, worker = connect(load_of(connections=3), VirtualServer(slow, b"\n"))
    begun_s = worker.loop.time()
    with driver:
        driver.connect()
        assert 0.3 <= worker.loop.time() - begun_s < 0.4
    assert [what for what, _ in marks] == [b"HELLO"] * 3


@pytest.mark.parametrize(
    ("reply", "within_s", "text"),
    [
        (lambda peer: peer.write(b"NO\n"), 0.2, "no such name: set load.name"),
        (lambda peer: None, 5.2, "did not get ready"),
        (lambda peer: peer.transport.close(), 5.2, "the server closed the connection"),
    ],
    ids=["refused", "silent", "closed"],
)
def test_a_connection_that_never_gets_ready_is_a_refusal(marks, reply, within_s, text):
    server = VirtualServer(lambda peer, _: reply(peer), b"\n")
    driver, worker = connect(load_of(connections=2), server)
    begun_s = worker.loop.time()
    with driver:
        with pytest.raises(InvalidMeasurement, match=text) as caught:
            driver.connect()
        assert worker.loop.time() - begun_s < within_s
        assert not [task for task in asyncio.all_tasks(worker.loop) if "dial" in repr(task)]
    assert caught.value.reason is Reason.LOAD_REFUSED


@pytest.mark.parametrize(
    ("family", "option"),
    [
        (socket.AF_INET, (socket.IPPROTO_IP, socket.IP_TOS)),
        (socket.AF_INET6, (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)),
    ],
)
def test_the_mark_is_in_the_header_of_either_family(family, option):
    with socket.socket(family) as sock:
        for value in (CONTROL_DSFIELD, CONTROL_IN_FLIGHT_DSFIELD, NO_DSFIELD):
            set_dsfield(sock, value)
            assert sock.getsockopt(*option) == value


def test_control_bytes_wait_behind_a_request_that_is_still_being_sent(monkeypatch):
    size = 3_000_000

    class Large(Greeting):
        def request(self, request: int) -> bytes:
            return b"GET %b\n" % (b"x" * size)

    monkeypatch.setattr(pool_members, "session_for", lambda *_: Large)
    seen: list[bytes] = []

    server = VirtualServer(lambda *_: None, b"\n")

    def handle(peer, data):
        whole = peer.unread + data
        if data.startswith(b"GET"):
            peer.write(b"PING\n")  # while most of the request has not come yet
        *lines, peer.unread = whole.split(b"\n")
        for line in lines:
            seen.append(line[:4] if len(line) < size else b"%b %d" % (line[:3], len(line)))
            if line.startswith(b"HELLO"):
                peer.write(b"WELCOME\n")
            elif line.startswith(b"GET"):
                peer.write(b"OK\n")

    monkeypatch.setattr("tests.unit.load.virtual.Peer.handle", handle)
    (counts,) = run(load_of(connections=1, rate=4.0, duration_s=1.0), server)
    assert (counts.errors, counts.first_error, counts.responded) == (0, "", 4)
    assert seen == [b"HELL", *[b"GET %d" % (size + 4), b"PONG"] * 4]


def test_requests_that_do_not_fit_into_one_segment_have_marks_in_turn(monkeypatch, marks):
    sizes = [10, 2000, 2000, 10, 2000, 10]

    class Sized(Greeting):
        def request(self, request: int) -> bytes:
            return b"GET %b\n" % (b"x" * sizes[request])

    monkeypatch.setattr(pool_members, "session_for", lambda *_: Sized)

    def greet_or_respond(peer, _):
        peer.write(b"WELCOME\n" if peer.data == b"HELLO\n" else b"OK\n")

    server = VirtualServer(greet_or_respond, b"\n")
    (counts,) = run(load_of(connections=1, rate=6.0, duration_s=1.0), server)
    assert (counts.errors, counts.responded) == (0, 6)
    assert [mark for what, mark in marks if what == b"GET"] == [
        NO_DSFIELD,
        LONG_DSFIELD,
        LONG_TOO_DSFIELD,
        NO_DSFIELD,
        LONG_DSFIELD,
        NO_DSFIELD,
    ]
