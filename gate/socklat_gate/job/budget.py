"""What a gate's job may use at most: pairs and minutes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from socklat_gate.errors import Reason
from socklat_gate.scenario import Gate

__all__ = ["Budget"]


@dataclass(frozen=True, slots=True)
class Budget:
    """``gate.max_pairs`` and ``gate.max_minutes`` since ``started_s`` of `time.monotonic`."""

    limits: Gate
    started_s: float

    def left_s(self) -> float:
        """Seconds that are left, negative once they are spent."""
        return self.started_s + 60 * self.limits.max_minutes - time.monotonic()

    def spent(self, pairs: int, left_s: float) -> Reason | None:
        """Which budget is spent after ``pairs`` usable pairs, if any."""
        if pairs >= self.limits.max_pairs:
            return Reason.BUDGET_PAIRS
        return Reason.BUDGET_MINUTES if left_s <= 0 else None
