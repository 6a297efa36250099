"""What the stored history of a metric shows: changes at a campaign, and drift from a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.facts import Shortfall
from socklat_gate.measured.outcome import Outcome

__all__ = [
    "Change",
    "LinkChange",
    "LinkHistory",
    "LinkPoint",
    "MetricHistory",
    "Moment",
    "ReleaseDrift",
]


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


@dataclass(frozen=True, slots=True)
class LinkPoint:
    """Where a series of paired estimates stands after one link; ratios minus 1.

    ``change``, ``low`` and ``high`` (95%) are from where the series began: the first base of the
    chain, or the pinned release of a night.  ``begins``: no earlier link ends at its ``base``.
    """

    created: str
    base: str
    commit: str
    outcome: Outcome
    pairs: int
    change: float
    low: float
    high: float
    begins: bool


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A change that the links from ``index`` to before ``end`` show together.

    ``change`` is their sum from merge to merge (``since`` is the commit before it), or the mean of
    nights beside one release (``since`` is the first night's commit).  ``evidence`` is the e-value
    with which ``commit`` showed it.
    """

    index: int
    end: int
    since: str
    commit: str
    created: str
    change: float
    evidence: float


@dataclass(frozen=True, slots=True)
class LinkHistory:
    """One metric over paired estimates, oldest first, and what they show.

    ``nights`` are beside ``release``, a commit or an image; ``drifted``: they show together that
    the metric is slower than the release by more than ``tolerance`` (``drift_evidence``, NaN
    without nights).
    """

    metric: str
    merges: tuple[LinkPoint, ...]
    changes: tuple[LinkChange, ...]
    nights: tuple[LinkPoint, ...]
    night_changes: tuple[LinkChange, ...]
    release: str
    tolerance: float
    drift_evidence: float
    drifted: bool
