"""When each request is due and which arm gets it: one seeded, open-loop schedule for all arms.

``load.rate`` counts per arm, so arrivals come at rate * arms and each goes to an arm by coin
flip.  Splitting a Poisson process by independent coin flips leaves independent Poisson processes
of ``load.rate`` each (Kingman, Poisson Processes, 1993, colouring theorem), so neither arm can
tell that the other is there, and whatever disturbs the machine hits both alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gate.errors import Reason, UsageError
from gate.scenario import Load

__all__ = ["MAX_REQUESTS", "Schedule", "make_schedule"]

MAX_REQUESTS = 20_000_000
"""The driver keeps 34 bytes a request until the end: more would take over 680 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Due times and arms of all requests, warm-up included.

    ``offsets_ns`` (int64, ascending, shape (n,)) counts from the start and lies in
    [0, warmup_ns + duration_ns); ``arm`` (int8, shape (n,)) is the index of the endpoint.
    Both arrays are read-only.
    """

    offsets_ns: npt.NDArray[np.int64]
    arm: npt.NDArray[np.int8]
    warmup_ns: int
    duration_ns: int

    def __post_init__(self) -> None:
        self.offsets_ns.setflags(write=False)
        self.arm.setflags(write=False)

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Which requests are due inside the measured window; shape (n,)."""
        return self.offsets_ns >= self.warmup_ns


def make_schedule(load: Load, arms: int, seed: int) -> Schedule:
    """Schedule of a run; the same arguments give the same schedule on every machine.

    Arrival gaps and coin flips are drawn from two independent streams (numpy's PCG64, spawned
    from ``SeedSequence(seed)``; ``seed`` >= 0), so that the arms never depend on the arrivals.
    Raises `UsageError` when the run would hold more than `MAX_REQUESTS` requests.
    """
    warmup_ns = round(load.warmup_s * 1e9)
    duration_ns = round(load.duration_s * 1e9)
    end_ns = warmup_ns + duration_ns
    gap_ns = 1e9 / (load.rate * arms)
    if end_ns / gap_ns > MAX_REQUESTS:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"load: {end_ns / gap_ns:.3g} requests in one run are more than {MAX_REQUESTS}",
            remedy="lower load.rate or load.duration_s",
        )
    arrivals, flips = (
        np.random.Generator(np.random.PCG64(stream))
        for stream in np.random.SeedSequence(seed).spawn(2)
    )
    if load.arrivals == "constant":
        offsets = np.arange(int(np.ceil(end_ns / gap_ns))) * gap_ns
    else:
        offsets = _poisson(arrivals, gap_ns, end_ns)
    offsets_ns = offsets.astype(np.int64)
    offsets_ns = offsets_ns[offsets_ns < end_ns]
    arm = flips.integers(0, arms, size=offsets_ns.size, dtype=np.int8)
    return Schedule(offsets_ns, arm, warmup_ns, duration_ns)


def _poisson(rng: np.random.Generator, gap_ns: float, end_ns: int) -> npt.NDArray[np.float64]:
    """Arrival times in ns, of mean gap ``gap_ns``, reaching past ``end_ns``."""
    expected = end_ns / gap_ns
    step = int(expected + 6 * np.sqrt(expected)) + 16
    times = np.cumsum(rng.exponential(gap_ns, step))
    while times[-1] < end_ns:
        times = np.append(times, times[-1] + np.cumsum(rng.exponential(gap_ns, step)))
    return np.asarray(times, dtype=np.float64)
