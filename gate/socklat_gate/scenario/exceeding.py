"""How many exchanges beyond a quantile its estimate rests on."""

from __future__ import annotations

__all__ = ["MIN_EXCEEDING", "WANTED_EXCEEDING"]

MIN_EXCEEDING = 50
"""Fewest exchanges beyond a gated quantile in one run for its estimate to be usable."""

WANTED_EXCEEDING = 80
"""Expected number to ask for, so that a random split falls short of the minimum in 1 of 2000."""
