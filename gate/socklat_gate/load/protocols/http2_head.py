"""Header blocks of HTTP/2 responses, decoded; equal blocks in an unchanged table only once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpack import Decoder, HPACKError

from socklat_gate.load.protocols.parser import BadResponse

__all__ = ["Head", "HeadDecoder"]

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
