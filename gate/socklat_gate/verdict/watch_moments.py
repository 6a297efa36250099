"""The watch as what its evidence needs: containers, when both of a number were up, and moments.

A container's exchanges of at least the threshold are one event while they follow within `QUIET_NS`
(`verdict.spike_events`).  Events of several containers are one **moment** where they begin before
the moment's first one has ended, or within `TOGETHER_NS` after that: what stops the machine stops
many of them at once.  They are not chained, as stops of 16 replicas, each every 10 s, would become
one endless moment; and `TOGETHER_NS` is short, so that a timer that runs from the start of each
container shows in containers that were started a second apart.  A container that stops for good
has no exchange that shows it: a slice without any, after one that had some, is an event too.

Baseline k and candidate k were started together, and only the time in which both were watched
counts, so that both are exposed alike, however long each lived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.watch import Replica, Slice, Watch
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.spike_events import QUIET_NS

__all__ = [
    "TOGETHER_NS",
    "Event",
    "Moment",
    "Moments",
    "clustered",
    "moments_of",
    "paired",
    "together_ns",
]

TOGETHER_NS = 100_000_000
"""What begins so soon after the end of a stop belongs to its moment."""

Stop = tuple[int, int]
"""Begin and length (ns)."""

Event = tuple[int, int, int, int]
"""Begin and end of the first exchange, the longest one (ns), and which container."""


@dataclass(frozen=True, slots=True)
class Moment:
    """It hit the containers ``members`` at ``at_s``, each its own; ``known_s``: all are known.

    ``longest_ns`` is the longest exchange in it.
    """

    at_s: tuple[float, ...]
    known_s: float
    members: tuple[int, ...]
    longest_ns: int = 0

    @property
    def begin_s(self) -> float:
        """When it hit the first."""
        return min(self.at_s)


@dataclass(frozen=True, slots=True)
class Moments:
    """Seconds are since the first container was watched, ``origin_ns`` of CLOCK_MONOTONIC.

    Containers are numbered from 0: the baseline's of each number, then the candidate's in the same
    order.  ``from_s`` and ``to_s``, shape (numbers,), bound the time in which both were watched.
    Those of a generation were up together (`measured.watch.Replica`); ``generation`` is empty where
    all were.
    """

    from_s: Floats
    to_s: Floats
    moments: tuple[Moment, ...]
    origin_ns: int = 0
    generation: tuple[int, ...] = ()

    @property
    def generations(self) -> npt.NDArray[np.int64]:
        """Of each number."""
        return np.array(self.generation or [0] * self.numbers, dtype=np.int64)

    @property
    def numbers(self) -> int:
        """How many containers each arm has."""
        return int(self.from_s.size)

    @property
    def now_s(self) -> float:
        """The end of the watch."""
        return float(self.to_s.max(initial=0.0))

    def arms_of(self, moment: Moment) -> tuple[bool, bool]:
        """Whether it hit the baseline, and whether it hit the candidate."""
        ours = [member >= self.numbers for member in moment.members]
        return not all(ours), any(ours)


def paired(watch: Watch) -> list[tuple[Replica, Replica]]:
    """Baseline and candidate of each number that were watched at the same time."""
    twins = {one.number: one for one in watch.of("candidate")}
    both = [
        (one, twins[one.number])
        for one in sorted(watch.of("baseline"), key=lambda one: one.number)
        if one.number in twins
    ]
    return [pair for pair in both if _window(pair)[0] < _window(pair)[1]]


def moments_of(watch: Watch, threshold_ns: float) -> Moments:
    """Of exchanges of at least ``threshold_ns`` in the time in which both of a number were up."""
    pairs = paired(watch)
    windows = np.array([_window(pair) for pair in pairs], dtype=np.int64).reshape(-1, 2)
    origin = int(windows[:, 0].min(initial=np.iinfo(np.int64).max)) if pairs else 0
    events: list[Event] = []
    for arm in (0, 1):
        for at, pair in enumerate(pairs):
            long = [one for one in pair[arm].spikes if one.length_ns >= threshold_ns]
            exchanges = [(one.rx_first_ns, one.length_ns) for one in long]
            spikes = _inside([*exchanges, *_silences(pair[arm].slices)], _window(pair))
            events += _events(spikes, arm * len(pairs) + at)
    bounds = (windows - origin) / 1e9
    generation = tuple(one.generation for one, _ in pairs)
    return Moments(bounds[:, 0], bounds[:, 1], clustered(events, origin), origin, generation)


def clustered(events: Iterable[Event], origin: int) -> tuple[Moment, ...]:
    """The moments of events, in the order in which they began."""
    together: list[list[Event]] = []
    until = -1
    for event in sorted(events):
        if not together or event[0] > until:
            together.append([])
            until = event[1] + TOGETHER_NS
        together[-1].append(event)
    return tuple(_moment(some, origin) for some in together)


def _moment(events: Sequence[Event], origin: int) -> Moment:
    began: dict[int, int] = {}
    for begin, _end, _longest, container in events:
        began.setdefault(container, begin)
    last = max(events[0][1] + TOGETHER_NS, *(event[1] for event in events))
    return Moment(
        tuple((began[one] - origin) / 1e9 for one in sorted(began)),
        (last - origin) / 1e9,
        tuple(sorted(began)),
        max(event[2] for event in events),
    )


def together_ns(pair: tuple[Replica, Replica]) -> int:
    """How long both were watched."""
    begin, end = _window(pair)
    return end - begin


def _window(pair: tuple[Replica, Replica]) -> tuple[int, int]:
    return max(one.from_ns for one in pair), min(one.to_ns for one in pair)


def _inside(stops: Sequence[Stop], window: tuple[int, int]) -> list[Stop]:
    return sorted(one for one in stops if window[0] <= one[0] <= window[1])


def _silences(slices: Sequence[Slice]) -> list[Stop]:
    """Whole slices without an exchange after one that had some: what no exchange can show.

    Of several in a row the first one stands for all: it is known at its end.
    """
    return [
        (now.from_ns, now.to_ns - now.from_ns)
        for before, now in pairwise(slices)
        if before.exchanges and not now.exchanges
    ]


def _events(spikes: Sequence[Stop], container: int) -> list[Event]:
    found: list[Event] = []
    quiet_from = -1
    for begin, length in spikes:
        if not found or begin - quiet_from > QUIET_NS:
            found.append((begin, begin + length, length, container))
        else:
            first = found[-1]
            found[-1] = (first[0], first[1], max(first[2], length), container)
        quiet_from = max(quiet_from, begin + length)
    return found
