"""How many exchanges beyond a quantile its estimate rests on."""

from __future__ import annotations

__all__ = ["MIN_EXCEEDING", "WANTED_EXCEEDING", "is_enough"]

MIN_EXCEEDING = 50
"""Fewest exchanges beyond a gated quantile in one run for its estimate to be usable."""

WANTED_EXCEEDING = 80
"""Expected number to ask for, so that a random split falls short of the minimum in 1 of 2000."""


def is_enough(requests: float, quantile: float) -> bool:
    """Whether so many expected requests in a run make a quantile of them judgeable."""
    return requests * (1.0 - quantile) >= WANTED_EXCEEDING - 1e-6
