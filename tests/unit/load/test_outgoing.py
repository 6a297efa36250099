"""Each byte leaves with its own mark, also where the kernel holds bytes back: real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from socklat_gate.load import outgoing as outgoing_module
from socklat_gate.load.marking import (
    CONTROL_DSFIELD,
    CONTROL_IN_FLIGHT_DSFIELD,
    NO_DSFIELD,
    set_dsfield,
    unsent_bytes,
)
from socklat_gate.load.outgoing import Outgoing

RECEIVE_BUFFER = 4096
TOO_MUCH = b"c" * 300_000
"""More than the peer's buffer takes, and this side's."""
REQUEST = b"GET /"
WITHIN_S = 10.0


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends, of which the second takes little before it reads."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as client:
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(WITHIN_S)
                yield client, peer


def field_of(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)


def read(peer: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        parts += peer.recv(length - len(parts))
    return bytes(parts)


def run(
    converse: Callable[[Outgoing, socket.socket, socket.socket], Awaitable[None]],
) -> None:
    async def main() -> None:
        with connected() as (client, peer):
            out = Outgoing(client)
            transport, _ = await asyncio.get_running_loop().create_connection(
                asyncio.Protocol, sock=client
            )
            out.transport = transport
            try:
                await converse(out, client, peer)
            finally:
                transport.abort()

    asyncio.run(main())


async def settled(client: socket.socket, *, dsfield: int) -> None:
    deadline_s = asyncio.get_running_loop().time() + WITHIN_S
    while field_of(client) != dsfield:
        assert asyncio.get_running_loop().time() < deadline_s
        await asyncio.sleep(0.001)


def test_a_request_waits_until_the_control_bytes_before_it_have_left() -> None:
    async def converse(out: Outgoing, client: socket.socket, peer: socket.socket) -> None:
        out.send(TOO_MUCH, CONTROL_DSFIELD)
        out.send(REQUEST, NO_DSFIELD)
        assert not out.plain
        for _ in range(5):
            await asyncio.sleep(0.002)
            assert unsent_bytes(client) > 0
            assert field_of(client) == CONTROL_DSFIELD
        loop = asyncio.get_running_loop()
        received = await loop.run_in_executor(None, read, peer, len(TOO_MUCH))
        # Only now can the field be another: the request is not among what was held back.
        assert set(received) == set(b"c")
        assert await loop.run_in_executor(None, read, peer, len(REQUEST)) == REQUEST
        assert field_of(client) == NO_DSFIELD
        assert out.plain

    run(converse)


def test_control_bytes_wait_until_the_request_has_left_and_all_keep_their_order() -> None:
    async def converse(out: Outgoing, client: socket.socket, peer: socket.socket) -> None:
        out.send(TOO_MUCH, NO_DSFIELD)
        out.send(b"1", CONTROL_IN_FLIGHT_DSFIELD)
        out.send(b"2", NO_DSFIELD)
        out.send(b"3", NO_DSFIELD)
        assert field_of(client) == NO_DSFIELD
        loop = asyncio.get_running_loop()
        everything = await loop.run_in_executor(None, read, peer, len(TOO_MUCH) + 3)
        assert everything == TOO_MUCH + b"123"
        assert field_of(client) == NO_DSFIELD

    run(converse)


def test_nothing_overtakes_what_waits_behind_a_request_that_has_not_left() -> None:
    request = b"r" * 20_000
    """More than the peer takes before it reads, and less than this side's buffer."""

    async def converse(out: Outgoing, client: socket.socket, peer: socket.socket) -> None:
        out.send(TOO_MUCH, CONTROL_DSFIELD)
        out.send(request, NO_DSFIELD)
        out.send(b"1", CONTROL_IN_FLIGHT_DSFIELD)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, read, peer, len(TOO_MUCH))
        await settled(client, dsfield=NO_DSFIELD)
        assert unsent_bytes(client) > 0
        assert not out.plain
        out.send(b"2", NO_DSFIELD)
        rest = await loop.run_in_executor(None, read, peer, len(request) + 2)
        assert rest == request + b"12"

    run(converse)


def test_bytes_for_a_connection_that_is_gone_are_an_error_of_the_system() -> None:
    with connected() as (client, _):
        out = Outgoing(client)

        class Transport:
            def get_write_buffer_size(self) -> int:
                return 0

        out.transport = Transport()  # type: ignore[assignment]
        client.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            out.send(b"1", CONTROL_DSFIELD)


def test_nothing_waits_where_nothing_is_held_back() -> None:
    async def converse(out: Outgoing, client: socket.socket, peer: socket.socket) -> None:
        assert out.plain
        for dsfield in (CONTROL_DSFIELD, NO_DSFIELD, CONTROL_IN_FLIGHT_DSFIELD, NO_DSFIELD):
            out.send(b"x", dsfield)
            assert field_of(client) == dsfield
            assert out.plain is (dsfield == NO_DSFIELD)
            assert peer.recv(2) == b"x"

    run(converse)


def test_what_waits_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(
        outgoing_module, "unsent_bytes", lambda sock: looks.append(sock) or unsent_bytes(sock)
    )

    async def converse(out: Outgoing, client: socket.socket, peer: socket.socket) -> None:
        out.send(TOO_MUCH, CONTROL_DSFIELD)
        out.send(REQUEST, NO_DSFIELD)
        await asyncio.sleep(0.005)
        out.transport.abort()
        await asyncio.sleep(0.005)
        known = len(looks)
        await asyncio.sleep(0.02)
        assert len(looks) == known

    run(converse)


def test_sockets_inside_a_test_hold_nothing_back() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        set_dsfield(left, CONTROL_DSFIELD)
        assert unsent_bytes(left) == 0


def test_where_marks_need_not_be_exact_nothing_waits() -> None:
    with connected() as (client, _):
        out = Outgoing(client, is_exact=False)

        class Transport:
            def get_write_buffer_size(self) -> int:
                return 1

            def write(self, data: bytes) -> None:
                written.append(data)

        written: list[bytes] = []
        out.transport = Transport()  # type: ignore[assignment]
        out.send(b"1", CONTROL_DSFIELD)
        out.send(b"2", NO_DSFIELD)
        assert written == [b"1", b"2"]
        assert field_of(client) == NO_DSFIELD
        assert not out.plain  # what the transport holds comes first
