from __future__ import annotations

import math

from socklat_gate.wording.changes import listing, percent, percent_range, plural


def test_words_for_numbers() -> None:
    assert percent(0.05) == "+5.0%"
    assert percent(-0.123) == "-12.3%"
    assert percent(math.nan) == "unknown"
    assert percent_range(-math.inf, 0.2) == "unbounded to +20.0%"
    assert (plural(1, "pair"), plural(0, "pair")) == ("1 pair", "0 pairs")


def test_long_lists_are_cut_and_counted() -> None:
    assert listing(["a", "b"]) == "a; b"
    assert listing(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"
