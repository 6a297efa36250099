"""A response that is kept, for what a setup takes from it; the load's own are only counted."""

from __future__ import annotations

__all__ = ["MAX_BODY", "Capture"]

MAX_BODY = 1 << 20


class Capture:
    """The latest response: ``headers`` in their order, and the first `MAX_BODY` of ``body``."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()

    def begin(self) -> None:
        """A response begins: forget the one before."""
        self.headers.clear()
        self.body.clear()

    def header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self.headers.append((name.decode("latin-1"), value.decode("utf-8", "replace")))

    def body_part(self, data: bytes) -> None:
        """A part of its body."""
        self.body += data[: MAX_BODY - len(self.body)]
