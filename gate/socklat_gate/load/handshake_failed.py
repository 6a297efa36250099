"""A connection that was opened, and on which no request can be sent."""

from __future__ import annotations

__all__ = ["HandshakeFailed"]


class HandshakeFailed(OSError):
    """What client and service said to each other first did not succeed; trying again is no use."""
