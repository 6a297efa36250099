"""Framing of HTTP/1.1 responses, by httptools (llhttp)."""

from __future__ import annotations

import httptools

from socklat_gate.load.protocols.parser import BadResponse

__all__ = ["HttpParser"]

MAX_HEAD = 1 << 20
_FRAMING = (b"content-length", b"transfer-encoding")
_FRAMING_LENGTHS = tuple(len(name) for name in _FRAMING)


class HttpParser:
    """Responses on one connection; status 400 and above counts as an error, 1xx as nothing.

    ``head``: the requests are HEAD, whose responses have no body whatever their headers announce.
    """

    __slots__ = (
        "_done",
        "_framed",
        "_head",
        "_head_bytes",
        "_http",
        "_in_body",
        "errors",
        "last_error",
        "partial",
        "reusable",
    )

    def __init__(self, *, head: bool = False) -> None:
        self._head = head
        self._http = httptools.HttpResponseParser(self)
        self._done = 0
        self._head_bytes = 0
        self._in_body = False
        self._framed = False
        self.errors = 0
        self.last_error = ""
        self.partial = False
        self.reusable = True

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""
        self._done = 0
        try:
            self._http.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise BadResponse("HTTP: the server switched to another protocol") from None
        except httptools.HttpParserError as error:
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
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 - httptools passes it
        """Notice whether the response has a length."""
        if len(name) in _FRAMING_LENGTHS and name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """The head ended."""
        self._in_body = True
        if self._head:
            self._response_ended()

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
        if status >= 400:
            self.errors += 1
            self.last_error = f"HTTP status {status}"
        if not self._http.should_keep_alive():
            self.reusable = False
