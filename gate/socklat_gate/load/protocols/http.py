"""HTTP/1.1: requests, and responses framed by httptools (llhttp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

from socklat_gate.load.expectation import Expectation, expectation_of
from socklat_gate.load.protocols.http2_detection import HTTP2
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.http_outcome import http_violation
from socklat_gate.load.protocols.parser import BadResponse, ResponseParser
from socklat_gate.load.protocols.parser_state import ParserState
from socklat_gate.load.protocols.protocol import LoadProtocol
from socklat_gate.load.request_template import quoted_path

if TYPE_CHECKING:
    from socklat_gate.load.capture import Capture
    from socklat_gate.load.messages import Message
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["PROTOCOL", "HttpParser"]

EXAMPLE = """[load]
driver = "http"
method = "GET"
path = "/health"
"""
_BODY_EXPECTED = ("POST", "PUT", "PATCH")

MAX_HEAD = 1 << 20
TLS_ALERT = b"\x15\x03"
"""How a server of TLS responds to what is no TLS; RFC 8446, section 5.1."""
_FRAMING = (b"content-length", b"transfer-encoding")
_FRAMING_LENGTHS = tuple(len(name) for name in _FRAMING)


class HttpParser(ParserState):
    """Responses on one connection; one of an unexpected status, size or content is an error.

    Without ``expected`` statuses those from 400 on are errors; 1xx are no responses at all.
    ``head``: the requests are HEAD, whose responses have no body whatever their headers announce.
    ``capture`` gets the latest response.
    """

    __slots__ = (
        "_body_bytes",
        "_capture",
        "_done",
        "_expected",
        "_framed",
        "_head",
        "_head_bytes",
        "_http",
        "_in_body",
        "_keep_bytes",
        "_kept",
    )

    def __init__(
        self,
        *,
        head: bool = False,
        expected: Expectation | None = None,
        capture: Capture | None = None,
    ) -> None:
        super().__init__()
        self._capture = capture
        self._head = head
        self._expected = expected
        self._keep_bytes = expected.kept_bytes if expected else 0
        self._kept = bytearray()
        self._http = httptools.HttpResponseParser(self)
        self._done = 0
        self._head_bytes = 0
        self._body_bytes = 0
        self._in_body = False
        self._framed = False

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""
        self._done = 0
        try:
            self._http.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise BadResponse("HTTP: the server switched to another protocol") from None
        except httptools.HttpParserError as error:
            if data.startswith(TLS_ALERT):
                raise BadResponse("HTTP: the service speaks TLS: set load.tls = true") from None
            raise BadResponse(f"HTTP: {error or 'malformed response'}") from None
        if self.partial and not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                raise BadResponse(f"HTTP: a response's head is longer than {MAX_HEAD} bytes")
        if self._head and self._done:
            # llhttp would wait for the body that a HEAD response announces but does not have.
            self._http = httptools.HttpResponseParser(self)
        return self._done

    def eof(self) -> int:
        """1 when a response without length ended by the closing of the connection."""
        if not self._in_body or self._framed:
            return 0
        self._done = 0
        self._response_ended()
        return self._done

    # What httptools calls; the names are its interface.

    def on_message_begin(self) -> None:
        """A status line begins."""
        self.partial = True
        self._framed = False
        self._head_bytes = self._body_bytes = 0
        if self._capture is not None:
            self._capture.begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notice whether the response has a length."""
        if self._capture is not None:
            self._capture.header(name, value)
        if len(name) in _FRAMING_LENGTHS and name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """The head ended."""
        self._in_body = True
        if self._head:
            self._response_ended()

    def on_body(self, body: bytes) -> None:
        """A part of the body, as sent but for the framing of chunks."""
        self._body_bytes += len(body)
        if self._capture is not None:
            self._capture.body_part(body)
        if self._keep_bytes:
            self._kept += body[: self._keep_bytes - len(self._kept)]

    def on_message_complete(self) -> None:
        """The body ended."""
        if self._in_body:
            self._response_ended()

    def _response_ended(self) -> None:
        self._in_body = self.partial = False
        status = self._http.get_status_code()
        if status < 200:
            return
        self._done += 1
        self.status = status
        self.size = self._body_bytes
        self.failure = ""
        violation = http_violation(self._expected, status, self.size, self._kept)
        self._kept.clear()
        if violation:
            self.fail(*violation)
        if not self._http.should_keep_alive():
            self.reusable = False


class _HttpFraming:
    """`Framing` for ``load.driver`` = ``http``."""

    def selected_by(self, load: Load, request: Request) -> bool:  # noqa: ARG002 - the driver tells
        """Whether the driver is http."""
        return load.driver == "http"

    def request_bytes(self, message: Message, authority: str, length: str | None = None) -> bytes:
        """Request line, headers and body; the scenario's headers replace the usual ones."""
        body = message.body
        given = {name.lower() for name, _ in message.headers}
        headers = {
            "Host": authority,
            "User-Agent": "socklat-gate",
            "Accept": "*/*",
        }
        if (body or message.method in _BODY_EXPECTED) and "transfer-encoding" not in given:
            headers["Content-Length"] = str(len(body)) if length is None else length
        lines = [f"{message.method} {quoted_path(message.path)} HTTP/1.1"]
        lines += [f"{key}: {value}" for key, value in headers.items() if key.lower() not in given]
        lines += [f"{key}: {value}" for key, value in message.headers]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def parser(self, request: Request, capture: Capture | None = None) -> ResponseParser:
        """Knows whether the requests are HEAD, and what is expected."""
        head = request.method == "HEAD"
        return HttpParser(head=head, expected=expectation_of(request), capture=capture)


PROTOCOL = LoadProtocol("HTTP", EXAMPLE, _HttpFraming(), detectors=(HTTP, HTTP2))
