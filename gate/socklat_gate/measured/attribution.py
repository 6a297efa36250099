"""Where a slice of the distribution got slower: the parts of a change by stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["COMPONENTS", "Attribution", "StageShare"]

COMPONENTS = ("recv_wait", "app", "respond")
"""The stages that ``response`` is the sum of."""


@dataclass(frozen=True, slots=True)
class StageShare:
    """One stage's part of a change: ns per exchange before and after it, and share of the change.

    ``baseline_ns`` is the baseline's mean, ``candidate_ns`` that and the change; both centres over
    the pairs (Hodges-Lehmann).  ``low_ns`` and ``high_ns`` bound the stage's change in ns with 95%
    (infinite below 5 pairs; of blocks of k + k containers below 36 ways to label these).
    """

    stage: str
    baseline_ns: float
    candidate_ns: float
    share: float
    low_ns: float = -math.inf
    high_ns: float = math.inf


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where a slice of the distribution got slower.

    ``slice`` is "middle" (25-75%), "slowest 10%" or "slowest 1%"; ``delta_ns`` the change of the
    mean ``response`` time in it; ``shares`` sum to 1 when ``stage`` is named.  ``stage`` is None
    when no stage carries the change consistently over the pairs ("not attributable"), and
    "depend" when ``app`` carries it and time on dependency sockets explains most of that.
    ``depend`` is that time per exchange over the whole distribution, with its share of the change
    of ``app``; None when it was not measured.  ``internal`` is the same for the ports inside the
    container, by port, their shares being of the change of ``app`` and ``respond``; ``port`` is the
    one named where ``stage`` is "internal".  ``upload`` is the time in which requests came
    in pieces, a part of ``recv_wait`` and ``app``, with its share of the slice's change; None when
    none did.  It is named in place of these two when it explains most of the change.
    ``request`` is the named request whose exchanges the slice is of ("": all).
    """

    slice: str
    delta_ns: float
    shares: tuple[StageShare, ...]
    stage: str | None
    depend: StageShare | None = None
    internal: Mapping[str, StageShare] = field(default_factory=dict)
    port: str = ""
    upload: StageShare | None = None
    request: str = ""
