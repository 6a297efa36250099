"""Header blocks put together from HEADERS and CONTINUATION frames."""

from __future__ import annotations

from socklat_gate.load.protocols import http2_frames as h2
from socklat_gate.load.protocols.http2_head import Head, HeadDecoder
from socklat_gate.load.protocols.parser import BadResponse

__all__ = ["MAX_BLOCK", "HeaderBlocks", "unpadded"]

MAX_BLOCK = 1 << 20
PRIORITY_BYTES = 5


class HeaderBlocks:
    """``unfinished`` while more of a block has to come; ``ends_stream`` is of the latest one."""

    __slots__ = ("_decoder", "_pieces", "_stream", "ends_stream", "unfinished")

    def __init__(self) -> None:
        self._decoder = HeadDecoder()
        self._pieces = bytearray()
        self._stream = 0
        self.unfinished = False
        self.ends_stream = False

    def take(self, kind: int, flags: int, stream: int, payload: bytes) -> Head | None:
        """The block that this frame completed, of whichever stream.  Raises `BadResponse`."""
        if kind == h2.HEADERS:
            if flags & h2.PADDED:
                payload = unpadded(payload)
            if flags & h2.PRIORITY_FLAG:
                payload = payload[PRIORITY_BYTES:]
            self.ends_stream = bool(flags & h2.END_STREAM)
            if flags & h2.END_HEADERS:
                return self._decoder.decode(payload)
            self.unfinished, self._stream = True, stream
        elif not self.unfinished or stream != self._stream:
            raise BadResponse("HTTP/2: CONTINUATION without a header block")
        self._pieces += payload
        if len(self._pieces) > MAX_BLOCK:
            raise BadResponse(f"HTTP/2: a header block is longer than {MAX_BLOCK} bytes")
        if not flags & h2.END_HEADERS:
            return None
        self.unfinished = False
        block = bytes(self._pieces)
        self._pieces.clear()
        return self._decoder.decode(block)


def unpadded(payload: bytes) -> bytes:
    """``payload`` of a padded frame without the padding.  Raises `BadResponse`."""
    if not payload or payload[0] >= len(payload):
        raise BadResponse("HTTP/2: more padding than the frame is long")
    return payload[1 : len(payload) - payload[0]]
