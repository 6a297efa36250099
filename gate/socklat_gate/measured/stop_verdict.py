"""What a verdict says of the watch: stops of a service, and growth with its age.

Changes are relative (0.05 = 5% more), lengths in ns, exposures and ages in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from socklat_gate.measured.waived import Waived

__all__ = [
    "GROWTH_TOLERANCE",
    "MECHANISMS",
    "Grown",
    "GrowthVerdict",
    "Mechanism",
    "StopVerdict",
]

Grown = Literal["response", "cpu", "memory"]

Mechanism = Literal["blocked", "running", "runnable", "throttled", "swapped", "stolen"]
"""What a container's threads did while it stopped; `verdict.mechanism` has the rule."""

MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)

GROWTH_TOLERANCE: Mapping[Grown, float] = {"response": 0.02, "cpu": 0.02, "memory": 0.05}
"""For each minute of life; so much more than the baseline is accepted."""


@dataclass(frozen=True, slots=True)
class StopVerdict:
    """Whether more of the candidate's replicas stopped, or stopped more often.

    A stop is an exchange of at least ``threshold_ns``.  ``baseline_stops`` and
    ``candidate_stops`` are moments: what hits several replicas of an arm at once is one, and the
    ``shared`` ones that hit both arms are neither's.  So many replicas were watched
    (``baseline_replicas``, ``candidate_replicas``), ``baseline_with`` and ``candidate_with`` of
    them had a stop, and the exposures are sums over them.  ``longest_ns`` is the candidate's
    longest (0: none).  ``oldest_s`` is the age of its oldest replica, ``half_age_s`` the one that
    half of its wanted replicas have reached.

    ``evidence`` is the e-value that the candidate stops more; it fails at ``threshold`` by itself;
    ``p_value`` is 1 / evidence, at most 1.  ``found_every_s``: a stop that comes so often or more
    often, at random, would have failed 90% of such watches (None: none would);
    ``found_from_start_s``: and one that comes once in the life of each replica, at this age or
    earlier (0: none).  ``missing_s`` is how much longer a pass waits (0: no
    longer, infinite: no replica is up).  ``stage`` is
    where the candidate's stops spent most of their time ("": no such stage), ``ages_s`` the age of
    the replica at each of them, the first 20.  ``waived`` is the waiver of ``spikes``.
    ``sure_ns`` is how long a stop must be for 95% of such stops to meet a request of the watch that
    takes as long as ``threshold_ns`` by it (NaN: not known); ``timer_s`` the age of which all
    ``ages_s`` are multiples (None: of none; `verdict.stop_timer`).
    ``silent`` replicas of the candidate are gone or do not respond, unlike their twins.  So many
    more of them than of the baseline's had requests that ``waited`` for a connection, or ``lost``
    connections (0 where that may be chance, or is not judged).  ``undecided``: more is neither
    shown nor can it be left out of account, so that a pass waits.  ``shown``: the replicas that are
    up are few, and have no more first stops to show (`verdict.watch_renewal`).  ``mechanisms`` has
    how many of the candidate's stops were of which; ``mechanism`` is that of more than half of all
    (None: of no such one).  No outcome depends on them.
    """

    threshold_ns: float
    baseline_stops: int
    candidate_stops: int
    baseline_replicas: int
    candidate_replicas: int
    baseline_with: int
    candidate_with: int
    shared: int
    baseline_exposure_s: float
    candidate_exposure_s: float
    longest_ns: float
    oldest_s: float
    half_age_s: float
    evidence: float
    threshold: float
    p_value: float
    failed: bool
    found_every_s: float | None
    found_from_start_s: float
    missing_s: float
    stage: str = ""
    ages_s: tuple[float, ...] = ()
    waived: Waived | None = None
    sure_ns: float = math.nan
    timer_s: float | None = None
    silent: int = 0
    undecided: bool = False
    waited: int = 0
    lost: int = 0
    shown: bool = False
    mechanism: Mechanism | None = None
    mechanisms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GrowthVerdict:
    """Whether the candidate's replicas get slower, busier or larger as they get older.

    ``baseline_change`` and ``candidate_change`` are medians over replicas of the latest value
    beside the first minute's.  ``change`` is the candidate's beside the baseline's for each minute
    of life, ``ci_low`` and ``ci_high`` its interval.  ``minutes`` is the median time between the
    two, over ``replicas`` of each arm.  NaN where too few are old enough.  ``undecided`` as in
    `StopVerdict`.  ``waived`` is a waiver of it, whose ceiling is for each minute of life.
    """

    what: Grown
    baseline_change: float
    candidate_change: float
    change: float
    ci_low: float
    ci_high: float
    evidence: float
    threshold: float
    failed: bool
    replicas: int
    minutes: float
    undecided: bool = False
    waived: Waived | None = None
