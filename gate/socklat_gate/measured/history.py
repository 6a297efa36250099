"""What the stored history of a metric shows: changes at a campaign, and drift from a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.facts import Shortfall

__all__ = ["Change", "MetricHistory", "Moment", "ReleaseDrift"]


class Moment(Protocol):
    """When and of what a value of a history was measured; a `Campaign` is one."""

    @property
    def created(self) -> str:
        """UTC, ISO 8601."""

    @property
    def commit(self) -> str:
        """Its id, or "unknown"."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change in a series of log values.

    ``index`` is the first value after a step, or the first of a ramp; ``end`` is one past the last
    value at the new level, or of the ramp.  ``log_shift`` is the mean after a step minus that
    before it, or a ramp's rise from its first to its last value.  ``p`` is never 0.
    """

    kind: Literal["step", "ramp"]
    index: int
    end: int
    log_shift: float
    p: float


@dataclass(frozen=True, slots=True)
class ReleaseDrift:
    """One metric of the ``latest`` campaigns beside ``pinned`` ones of a release.

    ``change`` is from what the release predicts, ``detectable`` the change from which on a drift
    shows at ``level`` (both ratios minus 1; infinite or NaN below 2 campaigns of the release).
    ``drifted``: slower than the release by more than ``tolerance`` at that level; never with
    ``shortfalls``, which are what the metric lacks.
    """

    metric: str
    stage: str
    quantile: float | None
    latest: int
    pinned: int
    change: float
    detectable: float
    tolerance: float
    level: float
    drifted: bool
    shortfalls: tuple[Shortfall, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """One metric over campaigns, oldest first.

    ``values`` holds the mean log value of each of ``campaigns``, those with a run that lacks
    exchanges left out; ``release`` is None without a pinned release.
    """

    metric: str
    campaigns: tuple[Moment, ...]
    values: npt.NDArray[np.float64]
    changes: tuple[Change, ...]
    release: ReleaseDrift | None

    @property
    def drifted(self) -> bool:
        """Slower than the pinned release by more than the metric's tolerance."""
        return self.release is not None and self.release.drifted
