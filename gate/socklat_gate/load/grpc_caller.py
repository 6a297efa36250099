"""Asks a service for the types of its methods, on a connection of its own before the load."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from socklat_gate.load.dialer import Network, TcpNetwork
from socklat_gate.load.marking import CONTROL_DSFIELD, set_dsfield
from socklat_gate.load.messages import Message
from socklat_gate.load.protocols.authority import authority_of
from socklat_gate.load.protocols.grpc import write_grpc
from socklat_gate.load.protocols.grpc_reflection import (
    ReflectionFailed,
    ReflectionSession,
    describe,
)
from socklat_gate.load.protocols.http2_requests import Http2Requests
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.tls import TlsClient, TlsSession
from socklat_gate.scenario.grpc_types import path_parts

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence


__all__ = ["ASK_WITHIN_S", "ask_types"]

ASK_WITHIN_S = 20.0
RECEIVE_BYTES = 1 << 16


async def ask_types(
    host: str,
    port: int,
    paths: Sequence[str],
    headers: Sequence[tuple[str, str]] = (),
    tls: TlsClient | None = None,
    network: Network | None = None,
) -> bytes:
    """A descriptor set with the methods at ``paths``, from the service at ``host``:``port``.

    ``headers`` go with each question; ``tls`` is that of the load.  All that is sent is
    marked as control bytes, so that the probe sees no exchange.  Raises `ReflectionFailed`.
    """
    services = [path_parts(path)[0] for path in paths]
    try:
        return await asyncio.wait_for(
            _ask(host, port, services, tuple(headers), tls, network or TcpNetwork()), ASK_WITHIN_S
        )
    except asyncio.TimeoutError:  # not the built-in one on Python 3.10
        raise ReflectionFailed(f"no response within {ASK_WITHIN_S:g} s") from None
    except OSError as error:
        raise ReflectionFailed(error.strerror or str(error)) from None
    except BadResponse as error:
        raise ReflectionFailed(str(error)) from None


async def _ask(
    host: str,
    port: int,
    services: Sequence[str],
    headers: tuple[tuple[str, str], ...],
    tls: TlsClient | None,
    network: Network,
) -> bytes:
    questions = _Questions()
    scheme = "http" if tls is None else "https"
    name = host if tls is None else tls.settings.server_name
    authority = authority_of(name, port, secure=tls is not None)
    inner = ReflectionSession(
        Http2Requests(questions, write_grpc(scheme, authority, lambda one: one.body), [None])
    )
    secured = None if tls is None else TlsSession(inner, tls)
    session = secured or inner
    sock = await _connect(host, port, network)
    set_dsfield(sock, CONTROL_DSFIELD)
    reader, writer = await asyncio.open_connection(sock=sock)
    try:

        async def receive() -> int:
            if session.has_control:
                writer.write(session.control())
            data = await reader.read(RECEIVE_BYTES)
            if not data:
                raise ReflectionFailed("the service closed the connection")
            return session.feed(data)

        async def ask(path: str, question: bytes) -> tuple[int, str, bytes]:
            questions.asked.append(Message(0, "POST", path, headers, question))
            writer.write(session.request(len(questions.asked) - 1))
            while not await receive():
                pass
            if inner.failure:
                raise ReflectionFailed(inner.last_error)
            return inner.outcome

        while not session.ready:
            await receive()
            if secured is not None and inner.ready:
                secured.settle()  # tickets may come among the responses here
        return await describe(ask, services)
    finally:
        writer.close()


async def _connect(host: str, port: int, network: Network) -> socket.socket:
    """To the first address that takes it.  Raises `OSError`."""
    *others, last = await network.resolve(host, port)
    for address in others:
        with suppress(OSError):
            return await network.connect(address)
    return await network.connect(last)


class _Questions:
    """As `MessageSource`: each is asked once."""

    def __init__(self) -> None:
        self.asked: list[Message] = []

    def kind_of(self, _: int) -> int:
        return 0

    def message(self, number: int) -> Message:
        return self.asked[number]

    def fixed(self, _: int) -> None:
        return None
