from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from socklat_gate.measured.stop_verdict import Mechanism
from socklat_gate.measured.watch import StopUse, Watch
from socklat_gate.scenario.gating import Gate
from socklat_gate.verdict.mechanism import mechanism_of
from socklat_gate.verdict.watch import judge_stops
from tests.unit.verdict.watches import watch_of

MS = 10**6
S = 10**9


def use(covered_ms: int = 700, **shares: Any) -> StopUse:
    """Of a stop of 800 ms; times are shares of what lies between looks."""
    times = {
        name: None if value is None else round(value * covered_ms * MS)
        for name, value in {"cpu_ns": 0.0, "waited_ns": 0.0, **shares}.items()
        if name.endswith("_ns")
    }
    faults = shares.get("major_faults")
    return StopUse(5 * S, 800 * MS, 5 * S, 5 * S + covered_ms * MS, **times, major_faults=faults)


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (use(), "blocked"),
        (use(cpu_ns=0.49), "blocked"),
        (use(cpu_ns=0.51), "running"),
        (use(cpu_ns=3.9), "running"),
        (use(cpu_ns=0.2, throttled_ns=0.8), "throttled"),
        # Of four threads on four CPUs, with one CPU as the limit.
        (use(cpu_ns=1.0, throttled_ns=3.0), "throttled"),
        # Of two, with one and a half: it computes most of the time.
        (use(cpu_ns=1.5, throttled_ns=0.5), "running"),
        (use(cpu_ns=0.5, throttled_ns=0.5), None),
        (use(cpu_ns=0.05, waited_ns=0.9), "runnable"),
        # Whoever is out of its quota is ready to run, and did not wait for others.
        (use(cpu_ns=0.2, throttled_ns=0.8, waited_ns=0.8), "throttled"),
        (use(cpu_ns=0.3, waited_ns=0.3), None),
        (use(cpu_ns=0.1, waited_ns=1.4), "runnable"),
        (use(waited_ns=None), None),
        (use(waited_ns=None, cpu_ns=0.8), "running"),
        (use(waited_ns=None, throttled_ns=0.8), "throttled"),
        (use(paging_ns=0.9, major_faults=500), "swapped"),
        (use(paging_ns=0.9, major_faults=1), "blocked"),
        (use(paging_ns=0.4, major_faults=500), "blocked"),
        # Most of what it did not compute meanwhile.
        (use(paging_ns=0.4, major_faults=500, cpu_ns=0.3), "swapped"),
        (use(paging_ns=0.9, major_faults=None), None),
        (use(paging_ns=None, major_faults=500), "swapped"),
        (use(paging_ns=None, major_faults=20), "blocked"),
        (use(paging_ns=0.9, major_faults=500, waited_ns=None), None),
        (use(paging_ns=0.9, major_faults=500, cpu_ns=0.6), "running"),
        (use(stolen_ns=0.6, some_stolen_ns=0.9), "stolen"),
        (use(stolen_ns=0.6, some_stolen_ns=0.9, cpu_ns=0.9), "stolen"),
        # Its threads may have been on the one that was taken.
        (use(stolen_ns=0.0, some_stolen_ns=0.9), None),
        (use(stolen_ns=0.3, some_stolen_ns=0.4), "blocked"),
        # The reader was itself stopped for most of it.
        (use(390, cpu_ns=1.0), None),
        (use(400, cpu_ns=1.0), "running"),
        (use(0, cpu_ns=1.0), None),
    ],
)
def test_what_more_than_half_of_the_time_was_names_it(found: StopUse, name: str | None) -> None:
    assert mechanism_of(found) == name


OF: dict[str, StopUse] = {
    "blocked": use(),
    "running": use(cpu_ns=1.0),
    "throttled": use(cpu_ns=0.2, throttled_ns=0.8),
}


def named(watch: Watch, by_number: dict[int, list[str]], arm: str = "candidate") -> Watch:
    """With counters for the first stops of these replicas, in their order."""
    return replace(
        watch,
        replicas=tuple(
            replace(
                one,
                uses=tuple(
                    replace(OF[name], rx_first_ns=spike.rx_first_ns, length_ns=spike.length_ns)
                    for name, spike in zip(by_number[one.number], one.spikes, strict=False)
                ),
            )
            if one.arm == arm and one.number in by_number
            else one
            for one in watch.replicas
        ),
    )


@pytest.mark.parametrize(
    ("names", "unnamed", "counts", "name"),
    [
        (["blocked", "blocked", "running"], 0, {"blocked": 2, "running": 1}, "blocked"),
        # Two of five are not what most were.
        (["blocked", "blocked"], 3, {"blocked": 2}, None),
        (["blocked", "running"], 0, {"blocked": 1, "running": 1}, None),
        ([], 3, {}, None),
    ],
)
def test_a_verdict_names_what_more_than_half_of_the_stops_were(
    names: list[str], unnamed: int, counts: dict[str, int], name: Mechanism | None
) -> None:
    stops = len(names) + unnamed
    watch = watch_of({("candidate", one): [140.0 + 10 * one] for one in range(stops)}, replicas=8)
    watch = named(watch, {number: [one] for number, one in enumerate(names)})
    judged = judge_stops(watch, [], Gate(), 0.002).verdict
    assert (judged.candidate_stops, judged.mechanisms) == (stops, counts)
    assert judged.mechanism == name


def test_a_moment_that_hit_several_replicas_is_one_stop() -> None:
    at = {("candidate", one): [140.0 + 0.01 * one] for one in range(3)}
    watch = named(watch_of(at, replicas=8), {0: ["running"], 1: ["running"], 2: ["blocked"]})
    judged = judge_stops(watch, [], Gate(), 0.002).verdict
    assert (judged.candidate_stops, judged.mechanisms) == (1, {"running": 1})


def test_stops_of_the_baseline_and_of_both_name_nothing() -> None:
    stops = {("baseline", 0): [140.0], ("baseline", 1): [180.0], ("candidate", 1): [180.0]}
    watch = named(watch_of(stops, replicas=8), {0: ["blocked"], 1: ["blocked"]}, "baseline")
    watch = named(watch, {1: ["blocked"]})
    assert judge_stops(watch, [], Gate(), 0.002).verdict.mechanisms == {}


def test_no_mechanism_changes_a_verdict() -> None:
    watch = watch_of({("candidate", one): [140.0, 170.0] for one in range(8)}, replicas=8)
    plain = judge_stops(watch, [], Gate(), 0.002)
    for name in OF:
        by_number = {one: [name, name] for one in range(8)}
        other = judge_stops(named(watch, by_number), [], Gate(), 0.002)
        assert other.verdict.mechanism == name
        bare = replace(other.verdict, mechanism=None, mechanisms={})
        assert (bare, other.open) == (plain.verdict, plain.open)
