"""How many buckets and bands a histogram has: what limits and checks know without numpy."""

from __future__ import annotations

__all__ = ["BAND_COUNT", "BAND_SUB_BITS", "BUCKETS", "MAX_BITS", "MAX_NS", "SUB_BITS"]

SUB_BITS = 7
MAX_BITS = 36
BUCKETS = (MAX_BITS - SUB_BITS + 1) << SUB_BITS
MAX_NS = (1 << MAX_BITS) - 1

BAND_SUB_BITS = 3
BAND_COUNT = (MAX_BITS - BAND_SUB_BITS + 1) << BAND_SUB_BITS
