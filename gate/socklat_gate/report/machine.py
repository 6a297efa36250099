"""The machine's noise during the measurement, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from statistics import median

from socklat_gate.measured.pair import Noise

__all__ = ["NUMBERS", "machine_numbers"]

NUMBERS = tuple(field.name for field in fields(Noise) if field.name != "interference_ignored")
"""The fields of `Noise` that are numbers."""


def machine_numbers(noises: Sequence[Noise]) -> dict[str, dict[str, float] | None]:
    """Median and maximum of every number of `Noise`; None where no run knows it."""
    found: dict[str, dict[str, float] | None] = {}
    for name in NUMBERS:
        values = [getattr(noise, name) for noise in noises]
        known = [float(value) for value in values if value is not None]
        found[name] = {"median": median(known), "max": max(known)} if known else None
    return found
