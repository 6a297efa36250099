"""How much a stored document may cost: bytes, memory once parsed, memory once decoded.

All three are known before the memory is taken, so that a hostile file costs little
to refuse.  Campaigns, which come from stores, have 64 MiB in all; a result is a file that its user
names, and as large as what was measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from socklat_gate.measured.buckets import BAND_COUNT, BUCKETS

__all__ = ["CAMPAIGN", "RESULT", "Limits", "decoded_bytes", "parsed_bytes", "text_problem"]

MAX_DIGITS = 100
"""Longest number; Python before 3.10.7 takes quadratic time for it."""

# What CPython takes for one more of what a character in the text begins or ends.
_COSTS = {
    b",": 40,  # an element's slot and a number
    b"[": 72,
    b"{": 240,
    b":": 190,  # the slots of key and value, and the pair by which duplicates are found
    b'"': 28,  # half of a short text
}

_HDR_START = "HIST"
"""How every base64 text of an HDR histogram begins: the first 3 bytes of its cookie."""

_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one kind of document, in bytes: as stored, parsed and decoded."""

    stored: int
    parsed: int
    decoded: int


CAMPAIGN = Limits(stored=4 << 20, parsed=14 << 20, decoded=44 << 20)
RESULT = Limits(stored=64 << 20, parsed=1024 << 20, decoded=2048 << 20)
"""Room for 100,000 spikes and more, which blocks of a candidate with many have."""


def text_problem(data: bytes, limits: Limits) -> str:
    """Why JSON text is not to be parsed, as what follows its name; empty when it may be."""
    if len(data) > limits.stored:
        return f"is larger than {limits.stored} bytes"
    if _LONG_NUMBER.search(data):
        return f"is not valid JSON: it has a number of more than {MAX_DIGITS} digits"
    if parsed_bytes(data) > limits.parsed:
        return f"would take more than {limits.parsed >> 20} MiB of memory to parse"
    return ""


def parsed_bytes(data: bytes) -> int:
    """Memory that parsing JSON text takes, about and rather too much, in bytes.

    Counts characters without looking at the structure, so text inside strings counts too.
    """
    # The text, and the texts cut out of it; 4 bytes a character when some need them.
    width = 1 if data.isascii() else 4
    return 2 * width * len(data) + sum(cost * data.count(c) for c, cost in _COSTS.items())


def decoded_bytes(body: object) -> int:
    """Memory of the histograms and bands that a parsed body may hold, at most, in bytes."""
    total = 0
    left = [body]
    while left:
        value = left.pop()
        if isinstance(value, str):
            total += 8 * BUCKETS if value.startswith(_HDR_START) else 0
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, dict):
            stages = value.get("stages")
            if isinstance(stages, list):
                total += 8 * BAND_COUNT * (1 + len(stages))
            left.extend(value.values())
    return total
