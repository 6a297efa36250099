"""The watch: replicas of both arms that stay up for a whole job, and what they were seen to do.

Times are CLOCK_MONOTONIC in nanoseconds.  It holds what was seen and nothing that was judged:
`verdict.watch` and `verdict.growth` are functions of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.facts import Arm, Note
from socklat_gate.measured.run import Spike

__all__ = ["Replica", "Slice", "StopUse", "Watch"]


@dataclass(frozen=True, slots=True)
class Slice:
    """About 10 s of a replica's life, from ``from_ns`` to ``to_ns``.

    ``exchanges`` were recorded in it; ``p50_ns`` and ``p99_ns`` are quantiles of their
    ``response`` (NaN without any).  ``memory_bytes`` is what the container had at its end,
    ``cpu_ns`` the CPU time that it used meanwhile (None: not known).
    """

    from_ns: int
    to_ns: int
    exchanges: int
    p50_ns: float
    p99_ns: float
    memory_bytes: int | None = None
    cpu_ns: int | None = None


@dataclass(frozen=True, slots=True)
class StopUse:
    """What the kernel counted for a replica during a slow exchange, which names its mechanism.

    The exchange began at ``rx_first_ns`` and took ``length_ns``; the counters are of the time from
    ``from_ns`` to ``to_ns`` within it, between looks at them.  ``cpu_ns`` of CPU time were used,
    ``throttled_ns`` taken by the container's CPU limit, added up over CPUs; for ``waited_ns`` it
    had threads that were ready to run and none ran; ``major_faults`` had to read pages, and for
    ``paging_ns`` it waited for memory or a disk (None: not known).  For ``stolen_ns`` the
    hypervisor had all CPUs that the container may use, for ``some_stolen_ns`` one of them.
    """

    rx_first_ns: int
    length_ns: int
    from_ns: int
    to_ns: int
    cpu_ns: int
    throttled_ns: int | None = None
    waited_ns: int | None = None
    major_faults: int | None = None
    paging_ns: int | None = None
    stolen_ns: int = 0
    some_stolen_ns: int = 0


@dataclass(frozen=True, slots=True)
class Replica:
    """One container of the fleet.

    Baseline ``number`` and candidate ``number`` were started together.  Its process was up at
    ``started_ns``; from ``from_ns`` to ``to_ns`` it was watched with load on.  ``exchanges`` were
    recorded by the probe; to ``no_response`` requests the driver got no response, or an error.
    ``spikes`` are all exchanges of at least `Watch.spike_ns`, oldest first; ``slices`` follow one
    another.  ``waited`` requests took the driver much longer than any exchange shows, since they
    found no connection to the service; ``lost`` connections were ended by the service while the
    driver wanted to keep them.  What the driver counts is 0 until its load has ended.  Replicas of
    a ``generation`` were up together, and were replaced by those of the next one.  ``uses`` are
    known of those ``spikes`` that last for several looks at its counters, oldest first; of some at
    the same time the longest has one.
    """

    arm: Arm
    number: int
    started_ns: int
    from_ns: int
    to_ns: int
    exchanges: int
    no_response: int
    spikes: tuple[Spike, ...] = ()
    slices: tuple[Slice, ...] = ()
    waited: int = 0
    lost: int = 0
    generation: int = 0
    uses: tuple[StopUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """All replicas so far, in the order of their numbers, baseline first.

    Every exchange of at least ``spike_ns`` was kept.  ``wanted`` replicas of each arm were asked
    for; fewer are up while the fleet grows.  A pass waits for ``minutes`` times ``wanted`` of
    exposure, and until half of the candidate's replicas are ``age_s`` old.  ``renewed``: they are
    few, and replaced as a whole once they have no more first stops to show.
    """

    replicas: tuple[Replica, ...]
    spike_ns: int
    wanted: int
    minutes: float
    age_s: float
    notes: tuple[Note, ...] = ()
    renewed: bool = False

    def of(self, arm: Arm) -> tuple[Replica, ...]:
        """The replicas of one arm."""
        return tuple(one for one in self.replicas if one.arm == arm)

    def last_of(self, arm: Arm) -> tuple[Replica, ...]:
        """Those of the last generation."""
        last = max((one.generation for one in self.replicas), default=0)
        return tuple(one for one in self.of(arm) if one.generation == last)
