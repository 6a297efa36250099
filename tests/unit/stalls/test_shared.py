from __future__ import annotations

from dataclasses import replace

from socklat_gate.measured.run import Run, Spike
from socklat_gate.stalls.shared import CHUNK, mark_shared
from tests.unit.factories import make_run, make_spike

MS = 1_000_000


def run_of(*spikes: tuple[float, float]) -> Run:
    """Spikes as (begin, length) in ms."""
    found = tuple(make_spike(round(length * MS), round(begin * MS)) for begin, length in spikes)
    return replace(make_run(1), spikes=found)


def marks(*runs: Run, arms: str = "bc") -> list[list[bool]]:
    marked = mark_shared(runs, arms[: len(runs)])
    return [[spike.shared for spike in run.spikes] for run in marked]


def test_a_stall_of_the_host_is_shared_by_both_arms() -> None:
    baseline = run_of((1000, 187), (1050, 137), (5000, 60))
    candidate = run_of((1010, 169), (9000, 80))
    assert marks(baseline, candidate) == [[True, True, False], [True, False]]
    assert marks(candidate, baseline) == [[True, False], [True, True, False]]


def test_a_stop_that_makes_the_other_arm_a_little_slow_is_the_candidates_own() -> None:
    stop, hindered = run_of((1000, 800), (1490, 300)), run_of((1100, 90), (1200, 149))
    assert marks(hindered, stop) == [[True, True], [False, False]]
    # From half the length on it could have been either's.
    assert marks(run_of((1100, 400)), stop) == [[True], [True, True]]


def test_spikes_one_after_the_other_share_nothing() -> None:
    assert marks(run_of((0, 100)), run_of((100, 100))) == [[False], [False]]


def test_an_arm_alone_and_arms_without_spikes() -> None:
    assert marks(run_of((0, 100))) == [[False]]
    assert marks(run_of(), run_of((0, 100))) == [[], [False]]
    assert mark_shared([], []) == ()


def test_containers_of_one_arm_that_pause_at_the_same_moment_share_nothing() -> None:
    """A timer by the clock stops all of a candidate's containers at once, and no other."""
    pause, calm = run_of((1000, 800)), run_of()
    assert marks(calm, pause, calm, pause, arms="bcbc") == [[], [False], [], [False]]
    assert marks(calm, pause, pause, pause, arms="bcbc") == [[], [True], [True], [True]]


def test_many_spikes_are_held_against_each_other_in_parts() -> None:
    many = run_of(*((10 * at, 5) for at in range(CHUNK + 3)))
    last = run_of((10 * (CHUNK + 2), 5))
    assert marks(many, last) == [[False] * (CHUNK + 2) + [True], [True]]


def test_other_facts_of_a_spike_stay() -> None:
    spike = replace(make_spike(), overlapped=True, peer="[::1]:2")
    marked = mark_shared([replace(make_run(1), spikes=(spike,))], "b")[0].spikes[0]
    assert isinstance(marked, Spike)
    assert marked == spike
