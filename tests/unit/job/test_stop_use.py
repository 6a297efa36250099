"""What is known of a stop from looks at counters, however late, torn or missing they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from socklat_gate.job.counter_reader import Sample
from socklat_gate.job.stop_use import use_within
from socklat_gate.service.container_counters import Counters

MS = 10**6
NOTHING = Counters(0, 0, 0, 0, 0)


def looks(*at_ms: float, **per_ms: float) -> list[Sample]:
    """At these moments; each counter grows by so much a ms from 0 on."""
    return [
        Sample(
            round(at * MS),
            replace(NOTHING, **{name: round(at * by) for name, by in per_ms.items()}),
        )
        for at in at_ms
    ]


def every(first_ms: int, last_ms: int, step_ms: int = 100) -> range:
    return range(first_ms, last_ms + 1, step_ms)


def test_what_lies_between_looks_within_the_stop_is_of_it() -> None:
    samples = looks(*every(0, 3000), cpu_ns=MS, major_faults=2)
    use = use_within(samples, 1040 * MS, 1840 * MS)
    assert use is not None
    assert (use.rx_first_ns, use.length_ns) == (1040 * MS, 800 * MS)
    assert (use.from_ns, use.to_ns) == (1100 * MS, 1800 * MS)
    assert (use.cpu_ns, use.major_faults, use.throttled_ns) == (700 * MS, 1400, 0)


@pytest.mark.parametrize(
    "at_ms",
    [
        [],
        [0, 100, 200],
        [900, 1100, 1200, 1900],
        [1100, 1800, 1900],  # one interval only: the reader was stopped
        [1900, 2000, 2100],
    ],
)
def test_fewer_than_two_whole_intervals_tell_nothing(at_ms: Sequence[float]) -> None:
    assert use_within(looks(*at_ms, cpu_ns=MS), 1040 * MS, 1840 * MS) is None


def test_a_late_look_makes_one_long_interval() -> None:
    use = use_within(looks(1000, 1100, 1720, 1800, 1900, cpu_ns=MS), 1040 * MS, 1840 * MS)
    assert use is not None
    assert (use.from_ns, use.to_ns, use.cpu_ns) == (1100 * MS, 1800 * MS, 700 * MS)


@pytest.mark.parametrize("name", ["cpu_ns", "throttled_ns", "waited_ns", "major_faults"])
@pytest.mark.parametrize("at", [12, 15, 18])
def test_counters_that_go_back_are_of_another_container(name: str, at: int) -> None:
    samples = looks(*every(0, 3000), **{name: MS})
    samples[at:] = [Sample(one.at_ns, NOTHING) for one in samples[at:]]
    assert use_within(samples, 1040 * MS, 1840 * MS) is None
    assert use_within(samples, 2040 * MS, 2840 * MS) is not None


@pytest.mark.parametrize("name", ["throttled_ns", "waited_ns"])
def test_what_comes_to_the_account_at_the_end_counts_but_for_what_may_be_after_it(
    name: str,
) -> None:
    """One that waited all the while is counted when it got a CPU, and responded at once."""
    samples = looks(*every(0, 3000))
    samples[19:] = [Sample(one.at_ns, replace(NOTHING, **{name: 790 * MS})) for one in samples[19:]]
    use = use_within(samples, 1040 * MS, 1840 * MS)
    assert use is not None
    # The look comes 60 ms after the end.
    assert getattr(use, name) == 730 * MS
    assert (use.cpu_ns, use.paging_ns) == (0, 0)


def test_what_began_after_the_end_does_not_count() -> None:
    samples = looks(*every(0, 3000))
    samples[19:] = [
        Sample(one.at_ns, replace(NOTHING, throttled_ns=55 * MS)) for one in samples[19:]
    ]
    use = use_within(samples, 1040 * MS, 1840 * MS)
    assert use is not None
    assert use.throttled_ns == 0


def test_what_is_not_known_at_one_end_is_not_known() -> None:
    samples = looks(*every(0, 3000), waited_ns=MS)
    samples[18] = replace(samples[18], counters=replace(samples[18].counters, waited_ns=None))
    use = use_within(samples, 1040 * MS, 1840 * MS)
    assert use is not None
    assert use.waited_ns is None
    assert use.throttled_ns == 0


def test_a_reader_that_ended_first_has_no_look_after_the_stop() -> None:
    use = use_within(looks(*every(0, 1800), waited_ns=MS), 1040 * MS, 1840 * MS)
    assert use is not None
    assert use.waited_ns == 700 * MS
