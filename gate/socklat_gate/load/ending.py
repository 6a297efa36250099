"""How a connection came to its end, as a kind of error."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["BY_SERVICE", "kind_of"]

BY_SERVICE: tuple[ErrorKind, ...] = ("reset", "closed")
"""The service ended the connection."""


def kind_of(error: Exception | None) -> ErrorKind:
    """By the error that it ended with; None is an orderly close."""
    if error is None:
        return "closed"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    timed_out = isinstance(error, OSError) and error.errno == errno.ETIMEDOUT
    return "timeout" if timed_out else "reset"
