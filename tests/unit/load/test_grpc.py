"""Unary calls by bytes, and against a server of grpcio's."""

from __future__ import annotations

import socket
import struct

import grpc
import pytest

from socklat_gate.load.expectation import Expectation
from socklat_gate.load.protocols.grpc import GrpcSession, write_grpc
from socklat_gate.load.protocols.http2_requests import Http2Requests
from socklat_gate.load.protocols.parser import GRPC_STATUS
from socklat_gate.scenario.grpc_types import GrpcTypes
from tests.unit.load.grpc_shop import item_class, shop_server, shop_set
from tests.unit.load.h2_server import Asked, Server, Source

ADD = "/shop.Cart/Add"
ITEM = item_class()


def prefixed(data, flag=0):
    return struct.pack(">BI", flag, len(data)) + data


def session_of(*messages, expected=None, fixed=True):
    messages = messages or (Asked(path=ADD, body=b'{"id": 7}'),)
    types = GrpcTypes(shop_set())
    write = write_grpc("http", "shop:50051", lambda one: types.encode(one.path, one.body))
    source = Source(*messages, fixed=fixed)
    return GrpcSession(Http2Requests(source, write, expected or [None] * len(messages)))


def respond(server, stream, data, trailers, status=200):
    server.respond(stream, status, data, [("content-type", "application/grpc")], trailers=trailers)
    return server.deliver()


def test_a_call_is_a_post_with_one_message():
    server = Server(session_of(Asked(path=ADD, body=b'{"id": 7}', headers=(("X-Key", "v"),))))
    _, headers = server.ask()
    assert headers[:4] == [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "shop:50051"),
        (":path", ADD),
    ]
    assert {("te", "trailers"), ("content-type", "application/grpc"), ("x-key", "v")} < set(headers)
    assert server.body == prefixed(ITEM(id=7).SerializeToString())


def test_an_empty_body_is_an_empty_message():
    server = Server(session_of(Asked(path=ADD)))
    server.ask()
    assert server.body == prefixed(b"")


def test_status_0_with_a_message_is_a_response():
    session = session_of()
    server = Server(session)
    for size in (0, 1, 40_000):
        stream, _ = server.ask()
        assert respond(server, stream, prefixed(b"x" * size), [("grpc-status", "0")]) == 1
        assert (session.status, session.size, session.failure) == (GRPC_STATUS, size, "")
    assert session.errors == 0


def test_another_status_is_an_error_with_its_text():
    session = session_of()
    server = Server(session)
    stream, _ = server.ask()
    trailers = [("grpc-status", "5"), ("grpc-message", "no item %E2%82%AC")]
    assert respond(server, stream, b"", trailers) == 1
    assert (session.status, session.failure) == (GRPC_STATUS + 5, "bad_status")
    assert session.last_error == "grpc-status 5 (NOT_FOUND): no item €"


def test_a_status_after_a_message_is_an_error_all_the_same():
    session = session_of()
    server = Server(session)
    stream, _ = server.ask()
    respond(server, stream, prefixed(b"x"), [("grpc-status", "13")])
    assert (session.status, session.failure) == (GRPC_STATUS + 13, "bad_status")


def test_trailers_only():
    session = session_of()
    server = Server(session)
    stream, _ = server.ask()
    server.respond(stream, body=b"", headers=[("grpc-status", "12")])
    assert server.deliver() == 1
    assert (session.status, session.failure) == (GRPC_STATUS + 12, "bad_status")
    assert session.last_error == "grpc-status 12 (UNIMPLEMENTED)"


NO_CALL = {
    "no status": (prefixed(b"x"), [("x", "y")], 200, "protocol", "grpc-status ''"),
    "no such status": (prefixed(b"x"), [("grpc-status", "17")], 200, "protocol", "'17'"),
    "a very long number": (prefixed(b"x"), [("grpc-status", "0" * 5000)], 200, "protocol", "'00"),
    "no number": (prefixed(b"x"), [("grpc-status", "ok")], 200, "protocol", "'ok'"),
    "of a proxy": (b"<html>", [], 502, "bad_status", "HTTP status 502"),
    "no message": (b"", [("grpc-status", "0")], 200, "protocol", "0 bytes"),
    "message cut off": (prefixed(b"xy")[:-1], [("grpc-status", "0")], 200, "protocol", "6 bytes"),
    "two messages": (prefixed(b"x") * 2, [("grpc-status", "0")], 200, "protocol", "12 bytes"),
}


@pytest.mark.parametrize("name", NO_CALL)
def test_what_is_no_unary_response(name):
    data, trailers, status, kind, text = NO_CALL[name]
    session = session_of()
    server = Server(session)
    stream, _ = server.ask()
    assert respond(server, stream, data, trailers, status) == 1
    assert session.failure == kind
    assert text in session.last_error


@pytest.mark.parametrize(
    ("expected", "failure"),
    [
        (Expectation(min_bytes=4), ""),
        (Expectation(min_bytes=5), "unexpected_size"),
        (Expectation(text=b"lamp"), ""),
        (Expectation(text=b"lamb"), "unexpected_body"),
    ],
)
def test_what_is_expected_of_the_message(expected, failure):
    session = session_of(expected=[expected])
    server = Server(session)
    stream, _ = server.ask()
    respond(server, stream, prefixed(b"lamp"), [("grpc-status", "0")])
    assert session.failure == failure


def converse(session, port, calls):
    """Run ``calls`` requests against a real server; what came of each."""
    outcomes = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(session.control())

        def until(condition):
            done = 0
            while not condition(done):
                done += session.feed(sock.recv(65_536))
                if session.has_control:
                    sock.sendall(session.control())

        until(lambda _: session.ready)
        for number in range(calls):
            sock.sendall(session.request(number))
            until(bool)
            outcomes.append((session.status - GRPC_STATUS, session.size, session.failure))
    return outcomes


def test_calls_of_a_server_of_grpcio():
    seen = []

    def handle(item, request, context):
        seen.append((request.id, dict(context.invocation_metadata()).get("x-key")))
        if request.id == 2:
            context.abort(grpc.StatusCode.NOT_FOUND, "no ünit")
        return item(name="x" * request.id)

    session = session_of(
        Asked(path=ADD, body=b'{"id": 30000}', headers=(("X-Key", "v"),)),
        Asked(path=ADD, body=b'{"id": 2}'),
        Asked(path=ADD, body=b'{"name": "%s"}' % (b"y" * 200_000)),
    )
    with shop_server(handle) as port:
        outcomes = converse(session, port, 300)
    assert outcomes == [(0, 30_004, ""), (5, 0, "bad_status"), (0, 0, "")] * 100
    assert seen == [(30_000, "v"), (2, None), (0, None)] * 100
    assert session.reusable
    assert session.last_error == "grpc-status 5 (NOT_FOUND): no ünit"
