"""The machine's noise during the measurement, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from statistics import median

from socklat_gate.measured.pair import Noise
from socklat_gate.measured.result import Result

__all__ = ["NUMBERS", "machine_numbers", "noises_of"]

NUMBERS = tuple(field.name for field in fields(Noise) if field.name != "interference_ignored")
"""The fields of `Noise` that are numbers."""


def noises_of(result: Result) -> Sequence[Noise]:
    """The noise of every pair, those excluded included, or of the campaign's runs."""
    if result.pairs:
        return [pair.noise for pair in result.pairs]
    return result.campaign.noise if result.campaign else ()


def machine_numbers(noises: Sequence[Noise]) -> dict[str, dict[str, float] | None]:
    """Median and maximum of every number of `Noise`; None where no run knows it."""
    found: dict[str, dict[str, float] | None] = {}
    for name in NUMBERS:
        values = [getattr(noise, name) for noise in noises]
        known = [float(value) for value in values if value is not None]
        found[name] = {"median": median(known), "max": max(known)} if known else None
    return found
