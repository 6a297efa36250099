from __future__ import annotations

from socklat_gate.wording.changes import listing, plural


def test_words_for_numbers() -> None:
    assert (plural(1, "pair"), plural(0, "pair")) == ("1 pair", "0 pairs")


def test_long_lists_are_cut_and_counted() -> None:
    assert listing(["a", "b"]) == "a; b"
    assert listing(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"
