"""What every parser of responses must keep to: no other error, and no difference by the pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from socklat_gate.load.protocols.parser import BadResponse

__all__ = ["check_pieces"]

MOST_PIECES = 8


def check_pieces(make: Callable[[], Any], data: bytes) -> None:
    """Feeds ``data`` whole and in pieces, whose lengths its first byte chooses.

    Both ways the parser must find the same responses, or refuse the same bytes.
    """
    if not data:
        return
    pattern, data = data[0], data[1:]
    whole, cut = _fed(make(), iter([data])), _fed(make(), _pieces(pattern, data))
    assert whole == cut, f"whole: {whole}, in pieces: {cut}"


def _fed(parser: Any, pieces: Iterator[bytes]) -> tuple[object, ...]:
    done = 0
    try:
        for piece in pieces:
            done += parser.feed(piece)
            assert done >= 0
    except BadResponse:
        return ("refused",)
    state = done, parser.errors, parser.partial, parser.reusable
    if done:
        state += (parser.status, parser.size, parser.failure)
    done += parser.eof()
    return (*state, done)


def _pieces(pattern: int, data: bytes) -> Iterator[bytes]:
    size = 1 + pattern % 13
    if len(data) > size * MOST_PIECES:
        size = -(-len(data) // MOST_PIECES)
    for at in range(0, len(data), size):
        yield data[at : at + size]
