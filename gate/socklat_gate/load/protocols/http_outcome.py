"""Whether an HTTP response is a failed one: the same rule for all versions of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.measured.names import BAD_STATUS

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Expectation, Violation

__all__ = ["http_violation"]


def http_violation(
    expected: Expectation | None, status: int, size: int, beginning: bytes | bytearray
) -> Violation | None:
    """How a response of ``status`` and ``size`` bytes of body fails; None if it does not.

    ``beginning`` are the first `Expectation.kept_bytes` of the body.
    """
    if expected is None or not expected.statuses:
        if status >= BAD_STATUS:
            return "bad_status", f"HTTP status {status}"
    elif status not in expected.statuses:
        return (
            "unexpected_status",
            f"HTTP status {status}, which load.expect.status does not name",
        )
    if expected is None:
        return None
    return expected.size_violation(size) or expected.body_violation(beginning)
