"""A connection that was opened, and on which no request can be sent."""

from __future__ import annotations

__all__ = ["ClosedEarly", "HandshakeFailed", "NotReady"]


class NotReady(OSError):
    """What client and service said to each other first did not succeed.

    ``remedy`` is what to do about it, empty where that is in the text.
    """

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


class HandshakeFailed(NotReady):
    """Trying again is no use."""


class ClosedEarly(NotReady):
    """The service closed the connection before that: it may only be starting."""
