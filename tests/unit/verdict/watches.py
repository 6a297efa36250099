"""Watches whose stops and slices are known by construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from socklat_gate.measured.facts import Arm
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.run import Spike
from socklat_gate.measured.watch import Replica, Slice, Watch

SECOND = 10**9
RATE = 8
SLICE_S = 10

Stops = Mapping[tuple[Arm, int], Sequence[float]]


def spike_at(at_s: float, length_s: float = 0.8) -> Spike:
    length = int(length_s * SECOND)
    stages = {"response": length, "service": length, "recv_wait": length, "app": 0, "respond": 0}
    return Spike(int(at_s * SECOND), stages, "", 0)


def replica_of(
    arm: Arm, number: int, begin_s: float, end_s: float, stops: Sequence[float] = ()
) -> Replica:
    """Started a second before it was watched; the stops are moments of the clock."""
    return Replica(
        arm,
        number,
        started_ns=int((begin_s - 1.0) * SECOND),
        from_ns=int(begin_s * SECOND),
        to_ns=int(end_s * SECOND),
        exchanges=int(RATE * (end_s - begin_s)),
        no_response=0,
        spikes=tuple(spike_at(at) for at in sorted(stops)),
    )


def watch_of(
    stops: Stops | None = None,
    *,
    replicas: int = 16,
    begin_s: float = 100.0,
    end_s: float = 250.0,
    apart_s: float = 2.0,
    minutes: float = 2.0,
    age_s: float = 0.0,
) -> Watch:
    """Baseline and candidate of a number begin at the same time, the next ``apart_s`` later."""
    known = stops or {}
    found = [
        replica_of(arm, number, begin_s + apart_s * number, end_s, known.get((arm, number), ()))
        for number in range(replicas)
        for arm in ARMS
    ]
    return Watch(tuple(found), 20_000_000, replicas, minutes, age_s)


def swapped(watch: Watch) -> Watch:
    """The arms' names exchanged."""
    other: dict[Arm, Arm] = {"baseline": "candidate", "candidate": "baseline"}
    found = sorted(
        (replace(one, arm=other[one.arm]) for one in watch.replicas),
        key=lambda one: (one.number, ARMS.index(one.arm)),
    )
    return replace(watch, replicas=tuple(found))


def changed(watch: Watch, which: Callable[[Replica], bool], **fields: object) -> Watch:
    """With other fields of some replicas."""
    return replace(
        watch,
        replicas=tuple(
            replace(one, **fields) if which(one) else one  # type: ignore[arg-type]
            for one in watch.replicas
        ),
    )


def with_slices(watch: Watch, level: Callable[[Replica, float], tuple[float, int, int]]) -> Watch:
    """Slices of 10 s; ``level`` of a replica at an age in seconds: p50 (ns), memory, CPU time."""

    def slices_of(one: Replica) -> tuple[Slice, ...]:
        found = []
        for begin in range(one.from_ns, one.to_ns - SLICE_S * SECOND + 1, SLICE_S * SECOND):
            p50, memory, cpu = level(one, (begin - one.from_ns) / SECOND + SLICE_S / 2)
            end = begin + SLICE_S * SECOND
            found.append(Slice(begin, end, RATE * SLICE_S, p50, 3 * p50, memory, cpu))
        return tuple(found)

    replicas = tuple(replace(one, slices=slices_of(one)) for one in watch.replicas)
    return replace(watch, replicas=replicas)
