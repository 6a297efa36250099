from __future__ import annotations

import pytest
from hpack import Decoder, Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.load.protocols.http2_frames import header_block
from socklat_gate.load.protocols.http2_head import HeadDecoder
from socklat_gate.load.protocols.parser import BadResponse

NAMES = ("x-a", "x-b", "content-type", "date", "grpc-status", ":status", "content-length")
FIELDS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(("0", "1", "200", "7" * 200, "9" * 1500))),
    max_size=5,
    unique_by=lambda field: field[0],
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FIELDS, st.booleans()), max_size=30))
def test_a_block_that_came_before_still_means_the_same(blocks):
    # Values of 1,500 bytes make the table of 4,096 evict entries.
    encoder, decoder = Encoder(), HeadDecoder()
    for fields, huffman in blocks:
        head = decoder.decode(encoder.encode(fields, huffman=huffman))
        assert head.fields == {name.encode(): value.encode() for name, value in fields}
        given_fields = dict(fields)
        assert head.status == int(given_fields.get(":status", "0"))
        assert head.length == int(given_fields.get("content-length", "-1"))


def test_equal_blocks_are_decoded_once():
    encoder, decoder = Encoder(), HeadDecoder()
    fields = [(":status", "200"), ("grpc-status", "0")]
    decoder.decode(encoder.encode(fields))  # fills the table
    block = encoder.encode(fields)
    assert decoder.decode(block) is decoder.decode(block)


@pytest.mark.parametrize("block", [b"\xff\xff\xff\xff\xff", b"\x80", b"\x00\x7f\xff", b"\xfe"])
def test_a_block_that_means_nothing(block):
    with pytest.raises(BadResponse, match="cannot be decoded"):
        HeadDecoder().decode(block)


TEXTS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=300)


@given(st.lists(st.tuples(st.sampled_from([*NAMES, ":path", ":method"]), TEXTS), max_size=6))
def test_blocks_that_a_client_sends_are_read_by_hpack_and_leave_no_trace(fields):
    decoder = Decoder()
    for _ in range(2):
        assert decoder.decode(header_block(fields)) == fields
    assert not decoder.header_table.dynamic_entries
