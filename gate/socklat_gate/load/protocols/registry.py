"""All protocols that the load and `init` know: one module and one line here each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from socklat_gate.load.expectation import expectation_of
from socklat_gate.load.messages import Message, MessageSource
from socklat_gate.load.protocols import delimiter, http, length, postgresql, resp
from socklat_gate.load.protocols.authority import authority_of
from socklat_gate.load.protocols.by_driver import MakeSession, alpn_of, framed_sessions
from socklat_gate.load.protocols.expecting import ExpectingParser
from socklat_gate.load.protocols.hello import HelloSession
from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.load.protocols.plain import PlainRequests, PlainSession
from socklat_gate.load.protocols.protocol import Detector, Framing, LoadProtocol
from socklat_gate.load.protocols.tls import TlsClient, TlsSession
from socklat_gate.scenario.payload import parse_payload

if TYPE_CHECKING:
    from socklat_gate.load.capture import Capture
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["DETECTORS", "PROTOCOLS", "parser_for", "request_bytes", "session_for"]

PROTOCOLS: tuple[LoadProtocol, ...] = (
    http.PROTOCOL,
    resp.PROTOCOL,
    length.PROTOCOL,
    delimiter.PROTOCOL,
    postgresql.PROTOCOL,
)

DETECTORS: tuple[Detector, ...] = tuple(
    detector for protocol in PROTOCOLS for detector in protocol.detectors
)
"""In the order in which `init` tries them."""


def session_for(
    load: Load, source: MessageSource, host: str, port: int, capture: Capture | None = None
) -> MakeSession:
    """Makes the session of each new connection to ``host``:``port``, which sends from ``source``.

    What all of them share is made here, once.  ``capture`` keeps the latest response, where the
    protocol has headers.  Raises `UsageError` for files of ``load.tls`` that cannot be used.
    """
    name = host if load.tls is None else load.tls.server_name
    authority = authority_of(name, port, secure=load.tls is not None)
    make = framed_sessions(load, source, authority, capture) or _plain_sessions(
        load, source, authority, capture
    )
    if load.tls is None:
        return make
    client = TlsClient(load.tls, alpn_of(load))
    return lambda: TlsSession(make(), client)


def _plain_sessions(
    load: Load, source: MessageSource, authority: str, capture: Capture | None
) -> MakeSession:
    """Those of requests that are bytes and no frames."""
    # One protocol writes all of them: only driver tcp has several, and its payloads stand as given.
    framing = _framing(load, source.requests[0])

    def write(message: Message, length: str | None) -> bytes:
        return framing.request_bytes(message, authority, length)

    requests = PlainRequests(source, write, partial(_parser, load, capture=capture))
    if load.hello is None:
        return lambda: PlainSession(requests)
    assert isinstance(load.hello, str), "load.load_json reveals it"
    hello, first = parse_payload(load.hello), source.requests[0]
    return lambda: HelloSession(requests, hello, framing.parser(first))


def request_bytes(load: Load, host: str, port: int) -> bytes:
    """The bytes of the first request of driver ``tcp`` or ``http`` to ``host``:``port``."""
    source = MessageSource(load, [0])
    write = _framing(load, source.requests[0]).request_bytes
    return write(source.message(0), authority_of(host, port, secure=load.tls is not None))


def parser_for(load: Load) -> ResponseParser:
    """A fresh parser for responses to the first request, which knows what is expected of them."""
    return _parser(load, load.requests[0])


def _parser(load: Load, request: Request, capture: Capture | None = None) -> ResponseParser:
    parser = _framing(load, request).parser(request, capture)
    expected = expectation_of(request) if load.driver == "tcp" else None
    return parser if expected is None else ExpectingParser(parser, expected)


def _framing(load: Load, request: Request) -> Framing:
    for protocol in PROTOCOLS:
        if protocol.framing is not None and protocol.framing.selected_by(load, request):
            return protocol.framing
    raise AssertionError(f"the scenario checks load.response: {request.response!r}")
