"""Sessions of HTTP/2, gRPC and WebSocket from a scenario's ``[load]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from socklat_gate.load.expectation import expectation_of
from socklat_gate.load.messages import Message, MessageSource, common_headers, with_variables
from socklat_gate.load.request_template import quoted_path
from socklat_gate.load.unprepared import TYPED_MESSAGE, Unsendable

if TYPE_CHECKING:
    from socklat_gate.load.capture import Capture
    from socklat_gate.load.protocols.session import ClientSession
    from socklat_gate.scenario import Load

__all__ = ["MakeSession", "alpn_of", "framed_sessions"]

MakeSession = Callable[[], "ClientSession"]


def alpn_of(load: Load) -> tuple[str, ...]:
    """What a TLS handshake around the sessions has to agree on; empty: nothing."""
    if load.driver == "grpc" or (load.driver == "http" and load.http == "2"):
        return ("h2",)
    return ("http/1.1",) if load.driver in {"http", "websocket"} else ()


def framed_sessions(
    load: Load, source: MessageSource, authority: str, capture: Capture | None = None
) -> MakeSession | None:
    """Makes sessions for connections to ``authority``; None for plain requests.

    What they share is made here, once: each request that does not change is framed.  Raises
    `scenario.grpc_types.NoSuchMethod`, and `Unsendable`, which sessions raise too.
    ``capture`` is for driver ``http``.
    """
    makers = {"grpc": _grpc, "websocket": _websocket}
    if load.driver == "http":
        return None if load.http == "1.1" else _http2(load, source, authority, capture)
    make = makers.get(load.driver)
    return None if make is None else make(load, source, authority)


# Each needs packages of an extra.


def _http2(
    load: Load, source: MessageSource, authority: str, capture: Capture | None
) -> MakeSession:
    from socklat_gate.load.protocols.http2 import Http2Session  # noqa: PLC0415
    from socklat_gate.load.protocols.http2_requests import (  # noqa: PLC0415
        Http2Requests,
        write_http2,
    )

    write = write_http2(_scheme(load), authority)
    requests = Http2Requests(source, write, [expectation_of(one) for one in source.requests])
    if capture is not None:
        from socklat_gate.load.protocols.http2_captured import (  # noqa: PLC0415
            CapturedHttp2Session,
        )

        return lambda: CapturedHttp2Session(requests, capture)
    if load.streams > 1:
        from socklat_gate.load.protocols.http2_streams import Http2Streams  # noqa: PLC0415

        return lambda: Http2Streams(requests, load.streams)
    return lambda: Http2Session(requests)


def _grpc(load: Load, source: MessageSource, authority: str) -> MakeSession:
    from socklat_gate.load.protocols.grpc import GrpcSession, write_grpc  # noqa: PLC0415
    from socklat_gate.load.protocols.http2_requests import Http2Requests  # noqa: PLC0415
    from socklat_gate.scenario.grpc_types import GrpcTypes, NotOfType  # noqa: PLC0415

    types = GrpcTypes(load.descriptors)

    def encode(message: Message) -> bytes:
        try:
            return types.encode(message.path, message.body)
        except NotOfType as error:
            subject = f"the body of {message.path}"
            raise Unsendable(subject, str(error), TYPED_MESSAGE) from None

    write = write_grpc(_scheme(load), authority, encode)
    requests = Http2Requests(source, write, [expectation_of(one) for one in source.requests])
    if load.streams > 1:
        from socklat_gate.load.protocols.grpc import call_kept_bytes, judge_call  # noqa: PLC0415
        from socklat_gate.load.protocols.http2_stream import Judge  # noqa: PLC0415
        from socklat_gate.load.protocols.http2_streams import Http2Streams  # noqa: PLC0415

        judge = Judge(call_kept_bytes, judge_call)
        return lambda: Http2Streams(requests, load.streams, judge)
    return lambda: GrpcSession(requests)


def _websocket(load: Load, source: MessageSource, authority: str) -> MakeSession:
    from socklat_gate.load.protocols.websocket import (  # noqa: PLC0415
        WebSocketRequests,
        WebSocketSession,
    )

    requests = WebSocketRequests(
        source,
        authority,
        quoted_path(with_variables(load, load.path)),
        common_headers(load),
        [one.payload is not None for one in source.requests],
        [expectation_of(one) for one in source.requests],
    )
    return lambda: WebSocketSession(requests)


def _scheme(load: Load) -> str:
    return "https" if load.tls is not None else "http"
