"""Each replica of the watch: when it stopped, and as a row."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.run import Spike
from socklat_gate.measured.stop_verdict import Mechanism, StopVerdict
from socklat_gate.measured.watch import Replica, Slice, Watch
from socklat_gate.verdict.mechanism import mechanism_between
from socklat_gate.verdict.watch_moments import moments_of, paired
from socklat_gate.wording import units

__all__ = [
    "ReplicaRow",
    "ReplicaStop",
    "Replicas",
    "StoppedReplica",
    "replicas_section",
    "stopped_replicas",
]

MAX_AGES = 8
BECAME = " → "
SLACK_NS = 1_000
"""Moments are in seconds, as floating point has them."""


@dataclass(frozen=True, slots=True)
class ReplicaStop:
    """One stop of one replica: its slowest exchange; ``shared``: both arms stopped then.

    ``silent``: there was no exchange at all, for ``length_ns`` or longer.  ``mechanism``: what the
    replica did meanwhile (None: not named).
    """

    at_ns: int
    length_ns: int
    stage: str
    shared: bool
    silent: bool = False
    mechanism: Mechanism | None = None


@dataclass(frozen=True, slots=True)
class StoppedReplica:
    """A replica with its stops, oldest first."""

    replica: Replica
    stops: tuple[ReplicaStop, ...]

    def age_s(self, at_ns: int) -> float:
        """How old it was at a moment, in seconds."""
        return (at_ns - self.replica.started_ns) / 1e9


@dataclass(frozen=True, slots=True)
class ReplicaRow:
    """One container of the fleet; of response time and memory the first and the last slice's.

    ``stops`` are its own; ``ages`` also has those of both arms, in parentheses.
    """

    name: str
    age: str
    watched: str
    exchanges: str
    no_response: str
    waited: str
    lost: str
    stops: str
    ages: str
    p50: str
    memory: str


@dataclass(frozen=True, slots=True)
class Replicas:
    """A row for each; ``shared``: some have a stop of both arms."""

    rows: tuple[ReplicaRow, ...]
    shared: bool


def stopped_replicas(watch: Watch | None, stops: StopVerdict | None) -> tuple[StoppedReplica, ...]:
    """All of them, those of one arm together, with the moments that the verdict counts."""
    if watch is None:
        return ()
    least_ns = stops.threshold_ns if stops else float(watch.spike_ns)
    found = _stops_by_replica(watch, least_ns)
    in_order = sorted(watch.replicas, key=lambda one: (ARMS.index(one.arm), one.number))
    return tuple(
        StoppedReplica(one, tuple(found.get((one.arm, one.number), ()))) for one in in_order
    )


def replicas_section(replicas: Sequence[StoppedReplica]) -> Replicas | None:
    """None where there were none."""
    if not replicas:
        return None
    shared = any(stop.shared for one in replicas for stop in one.stops)
    return Replicas(tuple(map(_row, replicas)), shared)


def _stops_by_replica(watch: Watch, least_ns: float) -> dict[tuple[str, int], list[ReplicaStop]]:
    """Of the replicas that have some, by arm and number."""
    pairs, seen = paired(watch), moments_of(watch, least_ns)
    slow = {
        (one.arm, one.number): sorted(
            (spike for spike in one.spikes if spike.length_ns >= least_ns),
            key=lambda spike: spike.rx_first_ns,
        )
        for pair in pairs
        for one in pair
    }
    found: dict[tuple[str, int], list[ReplicaStop]] = {}
    for moment in seen.moments:
        shared = all(seen.arms_of(moment))
        last_ns = seen.origin_ns + round(1e9 * moment.known_s)
        for member, at_s in zip(moment.members, moment.at_s, strict=True):
            arm, at = divmod(member, seen.numbers)
            key = (ARMS[arm], pairs[at][arm].number)
            first_ns = seen.origin_ns + round(1e9 * at_s)
            stop = _slowest(slow[key], first_ns - SLACK_NS, last_ns + SLACK_NS, shared=shared)
            if stop is None:
                stop = ReplicaStop(first_ns, moment.longest_ns, "", shared, silent=True)
            else:
                name = mechanism_between(pairs[at][arm], first_ns, last_ns)
                stop = replace(stop, mechanism=name)
            found.setdefault(key, []).append(stop)
    return found


def _slowest(
    spikes: Sequence[Spike], first_ns: int, last_ns: int, *, shared: bool
) -> ReplicaStop | None:
    """Of those that begin in a moment; None where none does."""
    begin, end = (
        bisect_left(spikes, at_ns, key=lambda spike: spike.rx_first_ns)
        for at_ns in (first_ns, last_ns + 1)
    )
    if begin == end:
        return None
    slowest = max(spikes[begin:end], key=lambda spike: spike.length_ns)
    stage, part_ns = max(slowest.parts_ns.items(), key=lambda part: part[1])
    return ReplicaStop(
        spikes[begin].rx_first_ns, slowest.length_ns, stage if part_ns else "", shared
    )


def _row(one: StoppedReplica) -> ReplicaRow:
    replica, stops = one.replica, one.stops
    shown = [_age(one, stop) for stop in stops[:MAX_AGES]]
    more = f" and {len(stops) - MAX_AGES} more" if len(stops) > MAX_AGES else ""
    known = [part for part in replica.slices if math.isfinite(part.p50_ns)]
    sized = [part for part in replica.slices if part.memory_bytes is not None]
    return ReplicaRow(
        name=f"{replica.arm} {replica.number}",
        age=units.duration_s(max(0.0, one.age_s(replica.to_ns))),
        watched=units.duration_s((replica.to_ns - replica.from_ns) / 1e9),
        exchanges=units.count(replica.exchanges),
        no_response=units.count(replica.no_response),
        waited=units.count(replica.waited),
        lost=units.count(replica.lost),
        stops=units.count(sum(not stop.shared for stop in stops)),
        ages=f"{', '.join(shown)}{more}",
        p50=_first_and_last(known, lambda part: units.ns(part.p50_ns)),
        memory=_first_and_last(sized, lambda part: units.size(float(part.memory_bytes or 0))),
    )


def _age(one: StoppedReplica, stop: ReplicaStop) -> str:
    age = f"{one.age_s(stop.at_ns):.1f}"
    return f"({age})" if stop.shared else age


def _first_and_last(slices: Sequence[Slice], text: Callable[[Slice], str]) -> str:
    """``1.02 ms → 1.98 ms``; "n/a" of none."""
    ends = [text(one) for one in (*slices[:1], *slices[-1:])]
    return BECAME.join(dict.fromkeys(ends)) if ends else units.NOT_AVAILABLE
