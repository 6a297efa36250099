"""Header blocks of HTTP/2 responses, decoded; equal blocks in an unchanged table only once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpack import Decoder, HPACKError

from socklat_gate.load.protocols.parser import BadResponse

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Violation

__all__ = ["Head", "HeadDecoder", "is_interim", "length_violation"]

FINAL_STATUS, MAX_STATUS = 200, 999
NOT_MODIFIED = 304
MAX_LIST = 1 << 20
MAX_REMEMBERED = 64
REMEMBERED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """Fields of a response's head or trailers.

    ``status`` is 0 without one, which trailers do not have; ``length`` is content-length, -1
    without it.  Several cookies are lines of one field.
    """

    fields: Mapping[bytes, bytes]
    status: int
    length: int


class HeadDecoder:
    """All blocks that came on one connection have to pass through it, in their order."""

    __slots__ = ("_decoder", "_remembered")

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_LIST)
        self._remembered: dict[bytes, Head] = {}

    def decode(self, block: bytes) -> Head:
        """Raises `BadResponse`."""
        head = self._remembered.get(block)
        if head is None:
            head = self._decode(block)
        return head

    def _decode(self, block: bytes) -> Head:
        table = self._decoder.header_table
        entries = table.dynamic_entries
        first, count, limit = entries[0] if entries else None, len(entries), table.maxsize
        try:
            fields: dict[bytes, bytes] = {}
            for raw_name, raw_value in self._decoder.decode(block, raw=True):
                name, value = bytes(raw_name), bytes(raw_value)
                # The one field that comes several times and cannot be joined by commas.
                several = name == b"set-cookie" and name in fields
                fields[name] = fields[name] + b"\n" + value if several else value
            status = int(fields.get(b":status", b"0"))
            length = int(fields.get(b"content-length", b"-1"))
        except (HPACKError, ValueError) as error:
            raise BadResponse(f"HTTP/2: a header block cannot be decoded: {error}") from None
        head = Head(fields, status, length)
        # What a block means depends on the table alone, and an entry that is added is a new object.
        now = entries[0] if entries else None
        if now is not first or len(entries) != count or table.maxsize != limit:
            self._remembered.clear()
        elif len(block) <= REMEMBERED_BYTES:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[block] = head
        return head


def is_interim(head: Head, *, ends: bool) -> bool:
    """Whether another head follows this first one.  Raises `BadResponse` for what is no head."""
    if not 0 < head.status <= MAX_STATUS:
        raise BadResponse("HTTP/2: a head without a :status of three digits")
    if head.status >= FINAL_STATUS:
        return False
    if ends:
        raise BadResponse(f"HTTP/2: status {head.status} ends the response")
    return True


def length_violation(head: Head, size: int, *, to_head: bool) -> Violation | None:
    """What is wrong where not as much of the body came as ``head`` says.

    ``to_head``: the request was a HEAD.
    """
    has_no_body = to_head or head.status == NOT_MODIFIED
    if head.length in {-1, size} or has_no_body:
        return None
    return "protocol", f"{size} bytes of body came, and content-length says {head.length}"
