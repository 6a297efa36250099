"""A pair: two runs at the same time under one schedule that was split between them.

A block of k + k containers is k pairs at the same time: pair r holds container r of each arm, which
got 1/k of its arm's load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from socklat_gate.measured.facts import Arm, Note
from socklat_gate.measured.run import Run

__all__ = ["ARMS", "Arm", "Interleave", "Noise", "Pair", "containers_of", "moments", "together"]

ARMS: tuple[Arm, Arm] = ("baseline", "candidate")

Interleave = Literal["request", "slice", "block"]


@dataclass(frozen=True, slots=True)
class Noise:
    """The machine during a run: shares of CPU time in [0, 1].

    ``steal`` and ``busy`` are the kernel's account over all CPUs.  Of those that the services use,
    ``stalled`` is what the probe saw taken, ``interference`` what processes other than the
    containers and the load used in bursts; ``interference_ignored``: such bursts are correlated
    with requests, so they were not corrected for.  ``involuntary_switches`` and ``throttled_us``
    (CPU limits) are sums over the containers.  ``coupling`` is the share of exchanges that waited
    behind the other arm's on the same CPU (`stalls.coupling`; None: not known).
    """

    steal: float
    busy: float
    psi_cpu_some: float | None
    load_average: float
    involuntary_switches: int | None = None
    stalled: float | None = None
    interference: float | None = None
    throttled_us: int | None = None
    interference_ignored: bool = False
    coupling: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Both arms measured at the same time.

    ``first_started`` is the recorded coin flip for the start order; ``excluded`` is why the
    pair is not used (environment rules only, fixed in advance), None when it is used.
    Pairs with the same ``start`` and ``replica`` were measured on the same containers (None: a
    start of its own), and those of one ``start`` are one cluster; ``replica`` numbers the pairs of
    a block from 0.  In a block ``first_started`` is the arm whose container was the first of all.
    ``swapped_cpusets`` is the coin flip for who gets which CPU set.  ``stall_evidence`` has, by
    cause of stalls, the logarithms of e-values that they follow one arm's requests
    (`stalls.labels`); empty: not tested.  Of a block it stands in the pair of replica 0.
    """

    index: int
    seed: int
    first_started: Arm
    baseline: Run
    candidate: Run
    noise: Noise
    excluded: Note | None = None
    interleave: Interleave = "request"
    start: int | None = None
    swapped_cpusets: bool = False
    stall_evidence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    replica: int = 0

    @property
    def first_of_start(self) -> bool:
        """Whether its containers were started for it: a later pair of a start does not know how."""
        return self.start is None or self.index == self.start + self.replica

    def arm(self, arm: Arm) -> Run:
        """The run of one arm."""
        return self.baseline if arm == "baseline" else self.candidate


def containers_of(pairs: Iterable[Pair]) -> int:
    """How many containers of each arm ran at the same time, the k of k + k; 1 of no pairs."""
    return 1 + max((pair.replica for pair in pairs), default=0)


def moments(pairs: Iterable[Pair]) -> int:
    """How many measurements the pairs are: a block counts once."""
    return sum(pair.replica == 0 for pair in pairs)


def together(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The pairs, in their order, by measurement: those of a block in one list."""
    found: list[list[Pair]] = []
    for pair in pairs:
        if pair.replica == 0 or not found:
            found.append([])
        found[-1].append(pair)
    return found
