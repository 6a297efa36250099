"""Counts and lists in words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listing", "plural"]


def plural(number: int, noun: str) -> str:
    """``1 pair``, ``2 pairs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(sentences: Sequence[str], shown: int = 3) -> str:
    """The first few sentences and how many more there are."""
    text = "; ".join(sentences[:shown])
    return f"{text}; and {len(sentences) - shown} more" if len(sentences) > shown else text


def pair_word(containers: int) -> str:
    """What is measured at a time: a pair, or a block of several containers of each arm."""
    return "pair" if containers == 1 else "block"
