"""How much of several requests' bodies the server's windows let out; RFC 9113, 5.2 and 6.9."""

from __future__ import annotations

from socklat_gate.load.protocols.http2_frames import USUAL_WINDOW, RequestFrames, data_frames

__all__ = ["StreamWindows"]


class StreamWindows:
    """The windows of one connection and of each of its open streams, in bytes.

    Bodies that wait for room take turns, so that none keeps the others from the connection's
    window.
    """

    __slots__ = ("_connection", "_initial", "_streams", "_unsent")

    def __init__(self) -> None:
        self._connection = self._initial = USUAL_WINDOW
        self._streams: dict[int, int] = {}
        # What is left of each body; the first one's turn is next.
        self._unsent: dict[int, bytes] = {}

    def set_initial(self, size: int) -> None:
        """The server's SETTINGS: of every stream, those in flight included."""
        grown = size - self._initial
        self._initial = size
        for stream in self._streams:
            self._streams[stream] += grown

    def grow(self, stream: int, increment: int) -> None:
        """A window update; stream 0 is the connection."""
        if stream == 0:
            self._connection += increment
        elif stream in self._streams:
            self._streams[stream] += increment

    def begin(self, request: RequestFrames, stream: int) -> bytes:
        """The frames of ``request`` on the new ``stream``, as many as may be sent."""
        data, length = request.on(stream), len(request.body)
        if length == 0:  # its window is of no use
            return data
        if length <= self._connection and length <= self._initial and not self._unsent:
            self._connection -= length
            self._streams[stream] = self._initial - length
            return data
        self._streams[stream] = self._initial
        self._unsent[stream] = request.body
        return data[: request.head_bytes] + self.more()

    def more(self) -> bytes:
        """Frames of what waited and may be sent now."""
        sent = b""
        for stream in list(self._unsent):
            body = self._unsent[stream]
            step = min(self._connection, self._streams[stream], len(body))
            if step <= 0:
                continue
            self._connection -= step
            self._streams[stream] -= step
            sent += data_frames(stream, body[:step], end=step == len(body))
            del self._unsent[stream]
            if step < len(body):
                self._unsent[stream] = body[step:]  # behind the others
        return sent

    def end(self, stream: int) -> bool:
        """``stream`` is closed; whether any of its body was left unsent."""
        self._streams.pop(stream, None)
        return self._unsent.pop(stream, None) is not None
