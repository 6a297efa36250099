"""Histograms as HdrHistogram V2 compressed text, the format other HDR tools read and write.

Layout (big endian), from the reference implementation's ``encodeIntoCompressedByteBuffer``:
compressed cookie, length, zlib of {cookie, payload length, normalizing index offset, significant
digits, lowest and highest trackable value, conversion ratio, counts}; the counts are ZigZag LEB128
words of at most 9 bytes, in which a negative word -n stands for n empty buckets.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import BUCKETS, MAX_NS, Histogram

__all__ = ["MAX_TEXT", "decode", "encode"]

COOKIE = 0x1C849303
COMPRESSED_COOKIE = 0x1C849304
ZIGZAG_LEB128 = 0x10  # the word-size nibble of both cookies in V2
NIBBLE = 0xF0

OUTER = struct.Struct(">II")
INNER = struct.Struct(">IIIIQQd")
DIGITS = 2
LOWEST = 1
WORD_BYTES = 9
MAX_COUNT = (1 << 63) - 1

MAX_PAYLOAD = INNER.size + WORD_BYTES * BUCKETS
MAX_TEXT = 4 * (OUTER.size + MAX_PAYLOAD + 1024) // 3
"""Longest text that `decode` looks at, in characters."""


def encode(histogram: Histogram) -> str:
    """Base64 text of a histogram; exact.  Raises `ValueError` for 2^63 values or more."""
    if sum(histogram.counts[histogram.counts > 0].tolist()) > MAX_COUNT:
        raise ValueError("an HDR histogram holds fewer than 2^63 values")
    words = _leb128(_words(histogram.counts))
    header = INNER.pack(COOKIE | ZIGZAG_LEB128, len(words), 0, DIGITS, LOWEST, MAX_NS, 1.0)
    packed = zlib.compress(header + words)
    outer = OUTER.pack(COMPRESSED_COOKIE | ZIGZAG_LEB128, len(packed))
    return base64.b64encode(outer + packed).decode("ascii")


def _words(counts: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """ZigZag words: each used bucket's count, before it the empty buckets that precede it."""
    used = np.flatnonzero(counts)
    gaps = np.diff(used, prepend=-1) - 1
    pairs = np.empty((used.size, 2), dtype=np.uint64)
    # ZigZag(-n) = 2n - 1; a single empty bucket is written as its count, 0.
    pairs[:, 0] = np.where(gaps > 1, 2 * gaps - 1, 0)
    pairs[:, 1] = counts[used] << np.uint64(1)
    wanted = np.ones(pairs.shape, dtype=bool)
    wanted[:, 0] = gaps > 0
    return np.asarray(pairs[wanted], dtype=np.uint64)


def _leb128(words: npt.NDArray[np.uint64]) -> bytes:
    shifts = np.arange(WORD_BYTES, dtype=np.uint64) * np.uint64(7)
    rest = words[:, None] >> shifts
    wanted = rest > 0
    wanted[:, 0] = True
    # All but the last byte carry 7 bits and a continuation bit; the ninth carries 8 bits.
    digits = rest & np.uint64(0x7F)
    digits[:, -1] = rest[:, -1]
    digits[:, :-1] |= wanted[:, 1:].astype(np.uint64) << np.uint64(7)
    return digits[wanted].astype(np.uint8).tobytes()


def decode(text: str) -> Histogram:
    """Histogram from V2 compressed text of 2 significant digits and lowest value 1.

    Time and memory are bounded whatever ``text`` holds.  Raises `ValueError` saying what is wrong.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"HDR text is longer than {MAX_TEXT} characters")
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"HDR text is not base64: {error}") from None
    if len(raw) < OUTER.size:
        raise ValueError("HDR text is too short for a header")
    cookie, length = OUTER.unpack_from(raw)
    if cookie & ~NIBBLE != COMPRESSED_COOKIE:
        raise ValueError(f"HDR cookie is {cookie:#x}, not V2 compressed")
    if length != len(raw) - OUTER.size:
        raise ValueError(f"HDR length is {length}, but {len(raw) - OUTER.size} bytes follow")
    payload = _inflate(raw[OUTER.size :])
    return Histogram(_counts(payload[_checked_header(payload) :]))


def _inflate(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(packed, MAX_PAYLOAD + 1)
    except zlib.error as error:
        raise ValueError(f"HDR payload is not zlib: {error}") from None
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"HDR payload is larger than {MAX_PAYLOAD} bytes")
    if not inflater.eof:
        raise ValueError("HDR payload is cut short")
    if inflater.unused_data:
        raise ValueError("HDR payload is followed by other data")
    return payload


def _checked_header(payload: bytes) -> int:
    """Size of the header after checking it."""
    if len(payload) < INNER.size:
        raise ValueError("HDR payload is too short for a header")
    cookie, length, offset, digits, lowest, _, ratio = INNER.unpack_from(payload)
    if cookie != COOKIE | ZIGZAG_LEB128:
        raise ValueError(f"HDR payload cookie is {cookie:#x}, not V2")
    if length != len(payload) - INNER.size:
        raise ValueError(f"HDR counts take {length} bytes, but {len(payload) - INNER.size} follow")
    if (offset, digits, lowest, ratio) != (0, DIGITS, LOWEST, 1.0):
        raise ValueError(
            f"HDR settings are offset {offset}, {digits} digits, lowest {lowest}, ratio {ratio}; "
            f"only 0, {DIGITS}, {LOWEST}, 1.0 have our buckets"
        )
    return INNER.size


def _counts(data: bytes) -> npt.NDArray[np.uint64]:
    words = _words_in(np.frombuffer(data, dtype=np.uint8))
    values, negative = words >> np.uint64(1), (words & np.uint64(1)).astype(bool)
    # ZigZag: an odd word stands for -(values + 1); capped, so that the sum cannot overflow.
    steps = np.where(negative, np.minimum(values, np.uint64(BUCKETS)) + np.uint64(1), np.uint64(1))
    ends = np.cumsum(steps)
    if ends.size and ends[-1] > BUCKETS:
        raise ValueError(f"HDR counts go beyond {BUCKETS} buckets")
    counts = np.zeros(BUCKETS, dtype=np.uint64)
    counts[ends[~negative] - np.uint64(1)] = values[~negative]
    if sum(counts[counts > 0].tolist()) > MAX_COUNT:
        raise ValueError("HDR counts add up to 2^63 or more")
    return counts


def _words_in(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """LEB128 words: 7 bits a byte, the last of a word below 0x80, or its ninth with all 8 bits."""
    at = np.arange(data.size, dtype=np.uint64)
    after_an_end = np.concatenate(([True], data[:-1] < 0x80))[: data.size]
    position = (at - np.maximum.accumulate(np.where(after_an_end, at, 0))) % np.uint64(WORD_BYTES)
    ninth = position == WORD_BYTES - 1
    if data.size and data[-1] >= 0x80 and not ninth[-1]:
        raise ValueError("HDR counts end inside a number")
    bits = np.where(ninth, data, data & 0x7F).astype(np.uint64) << (position * np.uint64(7))
    return np.asarray(np.add.reduceat(bits, np.flatnonzero(position == 0)), dtype=np.uint64)
