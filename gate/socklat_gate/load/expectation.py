"""What ``load.expect`` says of a response, ready to be held against one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.searched import SEARCHED_BYTES

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import ErrorKind
    from socklat_gate.scenario.request import Request

__all__ = ["SEARCHED_BYTES", "Expectation", "Violation", "expectation_of"]

SHOWN = 40
"""Characters of what was expected in a message."""

Violation = tuple["ErrorKind", str]
"""How a response is not as expected, and a sentence of it."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a response has to be; a member that is empty, 0 or None allows anything."""

    statuses: frozenset[int] = frozenset()
    min_bytes: int = 0
    text: bytes = b""
    regex: re.Pattern[bytes] | None = None
    prefix: bytes = b""

    @property
    def kept_bytes(self) -> int:
        """How much of a body's beginning is needed to tell."""
        return SEARCHED_BYTES if self.text or self.regex else 0

    def size_violation(self, size: int) -> Violation | None:
        """``size`` in bytes."""
        if size >= self.min_bytes:
            return None
        return "unexpected_size", f"{size} bytes, below load.expect.min_bytes = {self.min_bytes}"

    def body_violation(self, beginning: bytes | bytearray) -> Violation | None:
        """``beginning`` are the first `kept_bytes` of the body."""
        if self.text and self.text not in beginning:
            return "unexpected_body", f"the body does not hold load.expect.text {_shown(self.text)}"
        if self.regex is not None and self.regex.search(beginning) is None:
            pattern = _shown(self.regex.pattern)
            return "unexpected_body", f"nothing in the body matches load.expect.regex {pattern}"
        return None

    def prefix_violation(self, beginning: bytes | bytearray) -> Violation | None:
        """``beginning`` are at least as many bytes of the response as the prefix has."""
        if beginning.startswith(self.prefix):
            return None
        got = _shown(bytes(beginning[: len(self.prefix)]))
        text = f"begins with {got}, not with load.expect.prefix {_shown(self.prefix)}"
        return "unexpected_body", text


def expectation_of(request: Request) -> Expectation | None:
    """That of the request's ``expect``, or of the load's; None without one."""
    expect = request.expect
    if expect is None:
        return None
    return Expectation(
        statuses=frozenset(expect.status or ()),
        min_bytes=expect.min_bytes or 0,
        text=(expect.text or "").encode(),
        regex=re.compile(expect.regex.encode()) if expect.regex else None,
        prefix=parse_payload(expect.prefix or ""),
    )


def _shown(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
