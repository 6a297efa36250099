"""How much of a request's body the server's windows let out, and the rest that waits."""

from __future__ import annotations

from socklat_gate.load.protocols.http2_frames import USUAL_WINDOW, RequestFrames, data_frames

__all__ = ["SendWindows"]


class SendWindows:
    """``connection`` and ``stream`` are the bytes that may be sent; RFC 9113, 5.2 and 6.9."""

    __slots__ = ("_initial", "_unsent", "connection", "stream")

    def __init__(self) -> None:
        self.connection = self.stream = self._initial = USUAL_WINDOW
        self._unsent = b""

    def set_initial(self, size: int) -> None:
        """The server's SETTINGS: of every stream, that in flight included."""
        self.stream += size - self._initial
        self._initial = size

    def begin(self, request: RequestFrames, stream: int) -> bytes:
        """The frames of ``request`` on ``stream``, as many as may be sent."""
        length = len(request.body)
        self.stream = self._initial
        data = request.on(stream)
        if length <= self.connection and length <= self.stream:
            self.connection -= length
            self.stream -= length
            return data
        self._unsent = request.body
        return data[: request.head_bytes] + self.more(stream)

    def more(self, stream: int) -> bytes:
        """Frames of what waited and may be sent now."""
        step = min(self.connection, self.stream, len(self._unsent))
        if step <= 0:
            return b""
        part, self._unsent = self._unsent[:step], self._unsent[step:]
        self.connection -= step
        self.stream -= step
        return data_frames(stream, part, end=not self._unsent)

    def give_up(self) -> bool:
        """Send no more of the body; whether any was left."""
        left = bool(self._unsent)
        self._unsent = b""
        return left
