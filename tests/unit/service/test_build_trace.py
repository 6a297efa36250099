from __future__ import annotations

import pytest

from socklat_gate.service.build_trace import trace_lines


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


STAMP = field(1, 1_700_000_000) + field(2, 5)
BEGUN = field(1, field(1, b"sha256:1") + field(3, b"[2/3] RUN make") + field(5, STAMP))
ENDED = field(
    1, field(1, b"sha256:1") + field(3, b"[2/3] RUN make") + field(5, STAMP) + field(6, STAMP)
)
WAITING = field(1, field(1, b"sha256:2") + field(3, b"[3/3] CMD"))
LOG = field(
    3, field(1, b"sha256:1") + field(2, STAMP) + field(3, 1) + field(4, b"cc -c a.c\nx" * 30)
)
STATUS = field(2, field(1, b"id") + field(4, 300))


def test_steps_that_begin_and_what_they_print() -> None:
    found = trace_lines(WAITING + BEGUN + STATUS + LOG + ENDED)
    assert found[0] == "[2/3] RUN make"
    assert found[1] == "cc -c a.c"
    assert len(found) == 32
    assert trace_lines(b"") == []


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_what_is_no_message_is_refused_or_shows_nothing_wrong(cut: int) -> None:
    whole = BEGUN + LOG
    try:
        found = trace_lines(whole[:-cut])
    except ValueError:
        return
    assert found[:1] == ["[2/3] RUN make"]


@pytest.mark.parametrize("data", [b"\xff" * 20, b"\x0b", b"\x0a\xff\x01", b"\x0d\x00"])
def test_other_bytes(data: bytes) -> None:
    with pytest.raises(ValueError, match="no message"):
        trace_lines(data)
