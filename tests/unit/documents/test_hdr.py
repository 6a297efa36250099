import base64
import struct
import zlib

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.documents import hdr
from socklat_gate.measured.histogram import BUCKETS, MAX_NS, Histogram


def _histogram(filled: dict[int, int]) -> Histogram:
    counts = np.zeros(BUCKETS, dtype=np.uint64)
    for index, count in filled.items():
        counts[index] = count
    return Histogram(counts)


sparse_counts = st.dictionaries(
    st.integers(0, BUCKETS - 1), st.integers(1, 1 << 50), max_size=40
).map(_histogram)


def _text(
    counts: bytes = b"",
    *,
    cookie: int = 0x1C849313,
    outer_cookie: int = 0x1C849314,
    length: int | None = None,
    outer_length: int | None = None,
    offset: int = 0,
    digits: int = 2,
    lowest: int = 1,
    ratio: float = 1.0,
    trailing: bytes = b"",
) -> str:
    length = len(counts) if length is None else length
    payload = struct.pack(">IIIIQQd", cookie, length, offset, digits, lowest, MAX_NS, ratio)
    packed = zlib.compress(payload + counts) + trailing
    outer_length = len(packed) if outer_length is None else outer_length
    return base64.b64encode(struct.pack(">II", outer_cookie, outer_length) + packed).decode()


@settings(max_examples=60, deadline=None)
@given(sparse_counts)
def test_round_trip_is_exact(histogram):
    assert hdr.decode(hdr.encode(histogram)) == histogram


@settings(max_examples=25, deadline=None)
@given(sparse_counts)
def test_the_reference_library_reads_our_text(histogram):
    oracle = HdrHistogram.decode(hdr.encode(histogram))
    assert oracle.significant_figures == 2
    assert oracle.highest_trackable_value == MAX_NS
    assert [oracle.get_count_at_index(i) for i in range(BUCKETS)] == histogram.counts.tolist()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, MAX_NS), max_size=60))
def test_we_read_the_reference_library_s_text(values):
    oracle = HdrHistogram(1, MAX_NS, 2)
    for value in values:
        oracle.record_value(value)
    assert hdr.decode(oracle.encode().decode("ascii")) == Histogram.of(values)


def test_counts_that_need_nine_bytes_survive():
    histogram = _histogram({0: (1 << 62) + 12345, BUCKETS - 1: 1})
    assert hdr.decode(hdr.encode(histogram)) == histogram


def test_every_bucket_used():
    histogram = Histogram(np.arange(1, BUCKETS + 1, dtype=np.uint64))
    assert hdr.decode(hdr.encode(histogram)) == histogram


def test_more_values_than_the_format_holds_are_refused():
    with pytest.raises(ValueError, match="fewer than 2\\^63"):
        hdr.encode(_histogram({0: (1 << 63) - 1, 1: 1}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A" * (hdr.MAX_TEXT + 1), "longer than"),
        ("not base64!", "not base64"),
        ("\u00e9" * 8, "not base64"),
        ("", "too short"),
        (_text(outer_cookie=0x1C849301), "cookie"),
        (_text(outer_length=3), "length is 3"),
        (base64.b64encode(struct.pack(">II", 0x1C849314, 4) + b"junk").decode(), "not zlib"),
        (_text(trailing=b"more"), "other data"),
        (_text(b"\0" * (9 * BUCKETS + 1)), "larger than"),
        (_text(cookie=0x1C849301), "payload cookie"),
        (_text(length=7), "take 7 bytes"),
        (_text(offset=1), "offset 1"),
        (_text(digits=3), "3 digits"),
        (_text(lowest=1000), "lowest 1000"),
        (_text(ratio=0.5), "ratio 0.5"),
        (_text(b"\x02" * (BUCKETS + 1)), "beyond"),
        (_text(b"\xff" * 9), "beyond"),
        (_text(b"\x80"), "inside a number"),
        (_text((b"\xfe" + b"\xff" * 8) * 2), "add up"),
    ],
)
def test_bad_text_is_refused_with_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        hdr.decode(text)


def test_a_run_of_empty_buckets_may_not_end_beyond_the_last_bucket():
    fits = 2 * BUCKETS - 1
    words = [fits & 0x7F | 0x80, fits >> 7]
    assert hdr.decode(_text(bytes(words))).total == 0
    with pytest.raises(ValueError, match="beyond"):
        hdr.decode(_text(bytes(words) + b"\x02"))


def test_a_payload_that_inflates_without_end_is_cut_off():
    bomb = zlib.compress(b"\0" * 20_000_000, 9)
    text = base64.b64encode(struct.pack(">II", 0x1C849314, len(bomb)) + bomb).decode()
    assert len(text) < hdr.MAX_TEXT
    with pytest.raises(ValueError, match="larger than"):
        hdr.decode(text)


def test_truncation_anywhere_is_refused():
    raw = base64.b64decode(hdr.encode(Histogram.of(np.arange(1, 500) * 997)))
    for end in range(8, len(raw)):
        cut = struct.pack(">II", 0x1C849314, end - 8) + raw[8:end]
        with pytest.raises(ValueError, match="cut short"):
            hdr.decode(base64.b64encode(cut).decode())
