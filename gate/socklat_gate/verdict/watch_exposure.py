"""How much of the watch counts: a container that responds to nothing was not watched for stops.

A stop shows in a request that comes through it, and one that never ends shows in none: so exposure
is the time in which responses came at the rate at which the baseline's containers have them.  A
candidate's container that is gone, or silent, while its twin of the baseline responds keeps a pass
away by itself (`WatchExposure.silent`): no exposure of others makes up for it.

What only the load's driver knows does so where it is no chance: requests without a response, those
that waited for a connection, connections that were lost.  All containers of both arms may have
some, so it is held against all ways to give the labels, and nothing fails by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.watch import Replica, Watch
from socklat_gate.verdict.watch_evidence import scores_of
from socklat_gate.verdict.watch_moments import paired, together_ns
from socklat_gate.verdict.watch_permutation import RATES, log_e_by_rate, mean_over_rates

__all__ = ["WatchExposure", "responding", "responding_s", "watch_exposure"]

ENOUGH = 0.8
"""Of the usual responses: so many count as all, since arrivals are random."""

RESPONDS = 0.5
"""Part of the responses below which a container counts as silent."""

LEFT = 6.0
"""Requests without a response, in standard deviations beyond the twin's: it did not respond."""

AGAINST = 4.0
"""Evidence that the candidate's containers have more of what is counted: a pass waits above it."""

GONE_NS = 15_000_000_000
"""A container that was last seen so much earlier than the newest has died."""

SETTLED_NS = 10_000_000_000
"""A container that was watched more briefly is not yet known to be silent."""


@dataclass(frozen=True, slots=True)
class WatchExposure:
    """Seconds; sums over the containers whose number was watched in both arms.

    ``oldest_s`` and ``half_age_s`` are of the candidate's containers that respond (half as many as
    are up at once got as old as the second).  ``missing_s`` is how much longer a pass waits if
    those that are up stay up (infinite: none is), and ``silent`` how many of the candidate's are
    gone or do not respond, unlike their twins.  So many more of them than of the baseline's had
    requests that ``waited``, or ``lost`` connections (0 where that may be chance).
    """

    baseline_s: float
    candidate_s: float
    oldest_s: float
    half_age_s: float
    missing_s: float
    silent: int
    waited: int = 0
    lost: int = 0


def watch_exposure(watch: Watch, accepted: float = 1.0) -> WatchExposure:
    """Of all containers so far; ``accepted`` times as many waits as the baseline's are accepted."""
    usual = _usual_rate(watch.of("baseline"))
    # Those that were replaced have not died: they are held against their own generation.
    newest = {
        generation: max(one.to_ns for one in watch.replicas if one.generation == generation)
        for generation in {one.generation for one in watch.replicas}
    }
    sums = [0.0, 0.0]
    silent = 0
    for pair in paired(watch):
        for arm, one in enumerate(pair):
            sums[arm] += together_ns(pair) / 1e9 * responding(one, usual)
        quiet = [_is_silent(one, usual, newest[one.generation]) for one in pair]
        silent += (quiet[1] and not quiet[0]) or _left(pair)
    ours = watch.of("candidate")
    ages = sorted((_age_s(one, usual) for one in ours), reverse=True)
    at_once = max(Counter(one.generation for one in ours).values(), default=0)
    half = ages[math.ceil(at_once / 2) - 1] if ages else 0.0
    last = max(newest, default=0)
    live = sum(one.generation == last and not _is_silent(one, usual, newest[last]) for one in ours)
    lacking = watch.minutes * 60.0 * watch.wanted - sums[1]
    return WatchExposure(
        baseline_s=sums[0],
        candidate_s=sums[1],
        oldest_s=max(ages, default=0.0),
        half_age_s=half,
        missing_s=_missing_s(lacking, watch.age_s - half, live),
        silent=max(silent, _more(watch, lambda one: one.no_response)),
        waited=_more(watch, lambda one: one.waited, accepted),
        lost=_more(watch, lambda one: one.lost),
    )


def responding_s(watch: Watch) -> list[float]:
    """The exposure of each of the candidate's containers whose number was watched in both arms."""
    usual = _usual_rate(watch.of("baseline"))
    return [together_ns(pair) / 1e9 * responding(pair[1], usual) for pair in paired(watch)]


def responding(replica: Replica, usual_rate: float) -> float:
    """Part of a container's time in which it responded, in [0, 1].

    By its responses a second beside ``usual_rate``, and by the requests that it left without one.
    """
    if not replica.exchanges or usual_rate <= 0.0:
        return 0.0
    responded = replica.exchanges / (replica.exchanges + replica.no_response)
    return min(1.0, responded / ENOUGH, _rate(replica) / usual_rate / ENOUGH)


def _missing_s(exposure_s: float, age_s: float, live: int) -> float:
    """Until so much exposure and age are there, by the containers that are up."""
    if max(exposure_s, age_s) <= 0.0:
        return 0.0
    return max(exposure_s / live, age_s) if live else math.inf


def _more(watch: Watch, count: Callable[[Replica], int], accepted: float = 1.0) -> int:
    """How many more of the candidate's containers have what is counted; at least 1 if it has more.

    0 where that may well be chance: containers of both arms may have some.
    """
    theirs, ours = ([float(count(one)) for one in watch.of(arm)] for arm in ARMS)
    ours = [one / accepted for one in ours]
    if sum(ours) <= sum(theirs):
        return 0
    log_e = np.zeros(len(RATES))
    for generation in {one.generation for one in watch.replicas}:
        of_it = [
            [
                value
                for one, value in zip(watch.of(arm), values, strict=True)
                if one.generation == generation
            ]
            for arm, values in zip(ARMS, (theirs, ours), strict=True)
        ]
        log_e += log_e_by_rate(scores_of(of_it[0] + of_it[1]), len(of_it[1]))
    if mean_over_rates(log_e) <= math.log(AGAINST):
        return 0
    with_some = [sum(one > 0.0 for one in some) for some in (theirs, ours)]
    return max(1, with_some[1] - with_some[0])


def _left(pair: tuple[Replica, Replica]) -> bool:
    """Whether the candidate's container left far more requests than its twin."""
    theirs, ours = (one.no_response for one in pair)
    return ours > theirs + LEFT * math.sqrt(theirs + 1.0)


def _usual_rate(replicas: Sequence[Replica]) -> float:
    """Responses a second of the baseline's container in the middle; 0 if it has none."""
    return median(map(_rate, replicas)) if replicas else 0.0


def _rate(replica: Replica) -> float:
    length_s = (replica.to_ns - replica.from_ns) / 1e9
    return replica.exchanges / length_s if length_s > 0.0 else 0.0


def _is_silent(replica: Replica, usual_rate: float, newest_ns: int) -> bool:
    if newest_ns - replica.to_ns > GONE_NS:
        return True
    if replica.to_ns - replica.from_ns < SETTLED_NS:
        return False
    if replica.slices and not replica.slices[-1].exchanges:
        return replica.slices[-1].to_ns - replica.slices[-1].from_ns >= SETTLED_NS / 2
    return responding(replica, usual_rate) < RESPONDS


def _age_s(replica: Replica, usual_rate: float) -> float:
    """0 of one that does not respond."""
    known = responding(replica, usual_rate) >= RESPONDS
    return (replica.to_ns - replica.started_ns) / 1e9 if known else 0.0
