from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.init.scrub.values import Kind, kind_of, placeholder, rounded_up


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("123", Kind.INTEGER),
        ("4111111111111111", Kind.DIGITS),
        ("12.50", Kind.DECIMAL),
        ("3f2b8c1e-5d47-4a69-9b10-7c2d8e4f6a15", Kind.UUID),
        ("507f1f77bcf86cd799439011", Kind.HEX),
        ("2026-11-29", Kind.DATE),
        ("2026-11-29T10:00:00Z", Kind.DATETIME),
        ("frank@example.org", Kind.EMAIL),
        ("192.168.0.1", Kind.IP),
        ("2001:db8::5", Kind.IP),
        ("orders", Kind.WORD),
        ("+49 171 1234567", Kind.TOKEN),
        ("hello world", Kind.TOKEN),
        ("x" * 10_000, Kind.TOKEN),
    ],
)
def test_kinds(text: str, kind: Kind) -> None:
    assert kind_of(text) is kind


@given(st.text(max_size=300))
def test_a_placeholder_has_the_length_and_nothing_else_of_a_text(text: str) -> None:
    kind = kind_of(text)
    found = placeholder(Kind.TOKEN if kind is Kind.WORD else kind, text)
    assert "\n" not in found
    if kind in (Kind.TOKEN, Kind.WORD):
        assert len(found) == len(text)
        assert found == ("placeholder-" * 30)[: len(text)]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("7742", r"\{random_int:1:10000\}"),
        ("frank.miller@company.example", r"[a-z-]+@example\.com"),
        ("507f1f77bcf86cd799439011", r"0{18}\{random_int:100000:999999\}"),
        ("4111111111111111", r"1234567890123456"),
    ],
)
def test_placeholders(text: str, pattern: str) -> None:
    assert re.fullmatch(pattern, placeholder(kind_of(text), text))


def test_bounds_are_rounded_up() -> None:
    assert [rounded_up(x) for x in (0, 1, 10, 11, 21, 99, 101, 999_999)] == [
        10, 10, 10, 20, 50, 100, 200, 1_000_000,
    ]  # fmt: skip
