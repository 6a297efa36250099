"""When each request is due and which arm gets it: one seeded, open-loop schedule for all arms.

``load.rate`` is what a service gets while it works.

Flipped for each request ("request"), arrivals come at rate * arms, and independent coin flips
split a Poisson process into independent Poisson processes of ``load.rate`` each (Kingman, Poisson
Processes, 1993, colouring theorem), so neither arm can tell that the other is there, and whatever
disturbs the machine hits both alike.

Flipped for each slice of time ("slice"), arrivals come at ``load.rate``, and the arm that has the
slice gets all of them.  (At rate * arms a slice would be another load than the scenario's: a
service that is twice as busy shows another change.)  The arms are then not
independent (one's load is the other's rest), but swapping their names gives the same distribution
of schedules, which is what comparing them needs; and no arm works while the other is measured, but
for what is still under way at a slice's end.

Measured as blocks ("block"), one arm alone has the whole schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.errors import Reason, UsageError
from socklat_gate.load.arrivals import arrivals_of, expected_arrivals
from socklat_gate.load.bounds import longest_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socklat_gate.measured.pair import Interleave
    from socklat_gate.scenario import Load

__all__ = ["MAX_REQUESTS", "Schedule", "make_schedule"]

MAX_REQUESTS = 20_000_000
"""The driver keeps 44 bytes a request until the end, 6 more of named ones: up to 1 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Due times and arms of all requests, warm-up included.

    ``offsets_ns`` (int64, ascending, shape (n,)) counts from the start and lies in
    [0, warmup_ns + duration_ns); ``arm`` (int8, shape (n,)) is the index of the endpoint.
    ``kind`` (uint16, shape (n,)) is the index in ``load.requests``.
    The arrays are read-only.  ``duration_ns`` is the longest that the load may last.
    """

    offsets_ns: npt.NDArray[np.int64]
    arm: npt.NDArray[np.int8]
    kind: npt.NDArray[np.uint16]
    warmup_ns: int
    duration_ns: int

    def __post_init__(self) -> None:
        self.offsets_ns.setflags(write=False)
        self.arm.setflags(write=False)
        self.kind.setflags(write=False)

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Which requests are due after the warm-up; shape (n,)."""
        return self.offsets_ns >= self.warmup_ns


def make_schedule(
    load: Load,
    arms: int,
    seed: int,
    interleave: Interleave = "request",
    slice_ms: float = 100.0,
) -> Schedule:
    """Schedule of a run; the same arguments give the same schedule on every machine.

    Arrival gaps, coin flips and kinds are drawn from independent streams (numpy's PCG64, spawned
    from ``SeedSequence(seed)``; ``seed`` >= 0), so that neither arms nor kinds depend on the
    arrivals, and what is asked does not depend on which arm is asked.
    It holds the longest run that ``load`` allows, and begins like that of any shorter one.
    ``interleave`` "block" is for one arm.  Raises `UsageError` when the run would hold more than
    `MAX_REQUESTS` requests.
    """
    assert arms == 1 or interleave != "block", "blocks are measured one arm at a time"
    warmup_ns = round(load.warmup_s * 1e9)
    duration_ns = round(longest_s(load) * 1e9)
    end_ns = warmup_ns + duration_ns
    factor = 1 if interleave == "slice" else arms
    expected = expected_arrivals(load, end_ns, factor)
    if expected > MAX_REQUESTS:
        name = "load.duration_s" if load.max_duration_s is None else "load.max_duration_s"
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"load: {expected:.3g} requests in one run are more than {MAX_REQUESTS}",
            remedy=f"lower load.rate or {name}",
        )
    arrivals, flips, kinds = (
        np.random.Generator(np.random.PCG64(stream))
        for stream in np.random.SeedSequence(seed).spawn(3)
    )
    offsets_ns = arrivals_of(load, arrivals, end_ns, factor).astype(np.int64)
    offsets_ns = offsets_ns[offsets_ns < end_ns]
    if interleave == "slice":
        slice_ns = round(slice_ms * 1e6)
        of_slice = flips.integers(0, arms, size=end_ns // slice_ns + 1, dtype=np.int8)
        arm = of_slice[offsets_ns // slice_ns]
    else:
        arm = flips.integers(0, arms, size=offsets_ns.size, dtype=np.int8)
    kind = _kinds(kinds, [request.weight for request in load.requests], offsets_ns.size)
    return Schedule(offsets_ns, arm, kind, warmup_ns, duration_ns)


def _kinds(rng: np.random.Generator, weights: Sequence[float], size: int) -> npt.NDArray[np.uint16]:
    """Indices of ``weights``, each in proportion to its weight."""
    if len(weights) == 1:
        return np.zeros(size, dtype=np.uint16)
    edges = np.cumsum(weights)
    # Of the edges the last is the sum, which no draw reaches.
    found = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return np.asarray(np.minimum(found, len(weights) - 1), dtype=np.uint16)
