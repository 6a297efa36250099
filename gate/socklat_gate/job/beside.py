"""What goes on beside a measurement, seen from the measurement."""

from __future__ import annotations

from typing import Protocol

__all__ = ["NOTHING_BESIDE", "Beside"]


class Beside(Protocol):
    """Something with a load of its own, which shares the probe with what is measured."""

    @property
    def slots(self) -> int:
        """How many of the probe's last slots are its own."""

    def poll(self) -> None:
        """To be called several times a second; raises `InvalidMeasurement` when it has failed."""


class _Nothing:
    slots = 0

    def poll(self) -> None:
        pass


NOTHING_BESIDE: Beside = _Nothing()
