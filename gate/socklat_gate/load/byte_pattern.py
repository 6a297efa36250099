"""Requests as bytes, quickly: what is the same in all of a kind is written once.

The driver writes tens of thousands a second: a protocol writes one message with a mark wherever a
value goes, and each request is that text with its values in place of the marks.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from socklat_gate.load.request_template import Message, Place, encode_for

if TYPE_CHECKING:
    from socklat_gate.load.messages import MessageSource
    from socklat_gate.scenario.template import Field

__all__ = ["Write", "byte_pattern"]

Write = Callable[[Message, "str | None"], bytes]
"""The bytes of a message, and what to write for the length of its body (None: that of this one)."""
ValueOf = Callable[[int], bytes]


def byte_pattern(source: MessageSource, kind: int, write: Write) -> Callable[[int], bytes]:
    """The bytes by request number, for requests of ``kind``; the body comes last in them."""
    template = source.templates[kind]
    prefix = secrets.token_hex(16)
    marked: list[tuple[Place | None, ValueOf]] = []

    def mark(place: Place | None, value: ValueOf) -> str:
        marked.append((place, value))
        return f"{prefix}x{len(marked) - 1}x"

    def fill_in(field: Field, place: Place) -> str:
        encode = encode_for(place)
        return mark(place, source.values.of(field, lambda text: encode(text).encode()))

    message = template.message(fill_in)
    has_length = template.has_fields_in_body()
    written = write(message, mark(None, lambda _: b"") if has_length else None)
    pieces = re.split(rb"%bx(\d+)x" % prefix.encode(), written)
    text = b"%b".join(piece.replace(b"%", b"%%") for piece in pieces[::2])
    order = [marked[int(piece)] for piece in pieces[1::2]]
    values = [value for _, value in order]
    if not has_length:
        return lambda number: text % tuple([value(number) for value in values])
    places = [place for place, _ in order]
    body_from = next(at for at, place in enumerate(places) if place in {"body", "json"})
    rest = len(re.sub(rb"%bx\d+x" % prefix.encode(), b"", message.body))
    if None not in places:  # a protocol without a length
        return lambda number: text % tuple([value(number) for value in values])
    length_at = places.index(None)

    def fill(number: int) -> bytes:
        filled = [value(number) for value in values]
        filled[length_at] = b"%d" % (rest + sum(map(len, filled[body_from:])))
        return text % tuple(filled)

    return fill
