"""An HTTP/2 session whose responses are kept, for a setup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.load.capture import MAX_BODY
from socklat_gate.load.protocols.http2 import Http2Session

if TYPE_CHECKING:
    from socklat_gate.load.capture import Capture
    from socklat_gate.load.expectation import Expectation
    from socklat_gate.load.protocols.http2_head import Head
    from socklat_gate.load.protocols.http2_requests import Http2Requests

__all__ = ["CapturedHttp2Session"]


class CapturedHttp2Session(Http2Session):
    """``capture`` gets the latest response."""

    __slots__ = ("_capture",)

    def __init__(self, requests: Http2Requests, capture: Capture) -> None:
        super().__init__(requests)
        self._capture = capture

    def _kept_bytes(self, expected: Expectation | None) -> int:  # noqa: ARG002 - all of it
        return MAX_BODY

    def _judge(self, head: Head, trailers: Head | None) -> None:
        self._capture.begin()
        for name, values in head.fields.items():
            for value in values.split(b"\n"):
                self._capture.header(name, value)
        self._capture.body_part(bytes(self._kept))
        super()._judge(head, trailers)
