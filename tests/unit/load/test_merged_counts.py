"""What several workers count adds up to what one would have counted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.load.merged_counts import Part, Tail, _sum, merge_counts, p99_of
from socklat_gate.load.request_counts import counts_of, part_of
from socklat_gate.load.request_log import Record
from socklat_gate.load.schedule import Schedule
from socklat_gate.load.share import Portion, Share
from socklat_gate.load.worker_json import part_from_json, part_to_json
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import ERROR_KINDS, LoadCounts
from tests.unit.factories import make_load

NAMES = ["cart", "list"]
START_NS = 5_000


def schedule_of(rng, size):
    return Schedule(
        np.sort(rng.integers(0, 10**6, size)),
        rng.integers(0, 2, size).astype(np.int8),
        rng.integers(0, 2, size).astype(np.uint16),
        warmup_ns=200_000,
        duration_ns=800_000,
    )


def fates_of(rng, size):
    """What becomes of each request: times, the kind of its end, a kind of error, status, size."""
    return list(
        zip(
            rng.integers(0, 10**5, (3, size)).cumsum(axis=0).T.tolist(),
            rng.choice(["response", "rejection", "failure", "expiry", "unsent"], size).tolist(),
            rng.choice(ERROR_KINDS, size).tolist(),
            rng.choice([200, 404], size).tolist(),
            rng.integers(0, 10**4, size).tolist(),
            strict=True,
        )
    )


def record_of(portion, fates, fresh, end_ns):
    """A record as a worker's driver writes it."""
    record = Record(portion.schedule, 2, NAMES, fresh=fresh)
    record.begin(START_NS)
    if end_ns is not None:
        record.end(end_ns)
    for at, number in enumerate(portion.numbers or range(portion.schedule.arm.size)):
        (late, lag, took), fate, kind, status, size = fates[number]
        due_ns = record.due_ns[at]
        record.woke_ns[at] = due_ns + late
        if fate in ("expiry", "unsent"):
            record.starved[at] = 1
            if fate == "unsent":
                record.unsent(at, kind, "no connection")
            else:
                record.expiry(at, refused=bool(size % 2))
            continue
        if record.dialed_ns is not None:
            record.dialed_ns[at] = due_ns + late
        record.sent_ns[at] = due_ns + lag
        if fate == "failure":
            record.failure(at, kind, "failed")
            continue
        record.response(at, due_ns + took, status, size)
        record.handshake(int(portion.schedule.arm[at]), size, f"TLS {size % 2}")
        if fate == "rejection":
            record.rejection(at, kind, "rejected")
    return record


def over_the_wire(part):
    return part_from_json(json.loads(json.dumps(part_to_json(part))))


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(0, 400),
    connections=st.integers(1, 12),
    workers=st.integers(1, 5),
    fresh=st.booleans(),
    ends_early=st.booleans(),
)
def test_shares_add_up_to_the_whole(seed, size, connections, workers, fresh, ends_early):
    rng = np.random.default_rng(seed)
    schedule, fates = schedule_of(rng, size), fates_of(rng, size)
    end_ns = START_NS + 600_000 if ends_early else None
    workers = min(workers, connections)
    shares = [Share(worker, workers, connections) for worker in range(workers)]
    portions = [Portion.of(schedule, 2, share) for share in shares]
    records = [record_of(portion, fates, fresh, end_ns) for portion in portions]
    whole = record_of(Portion.of(schedule, 2, None), fates, fresh, end_ns)
    for at, record in enumerate(records):
        for members in ("opened", "lost", "grown", "refusals", "strays", "setup_responses"):
            getattr(record, members)[1] += 3 + at
            getattr(whole, members)[1] += 3 + at
    for arm in (0, 1):
        parts = [
            over_the_wire(part_of(record, arm, portion.of_all[arm]))
            for record, portion in zip(records, portions, strict=True)
        ]
        merged, expected = merge_counts(parts), counts_of(whole, arm)
        assert bool(merged.first_error) == bool(expected.first_error)
        assert merged.workers == workers
        assert replace(merged, first_error="", workers=1) == replace(expected, first_error="")


@given(
    st.lists(st.lists(st.integers(-5, 10**9), max_size=150), min_size=1, max_size=5),
    st.integers(0, 1000),
)
def test_the_quantile_of_all_follows_from_the_tails(values, more):
    every = [value for part in values for value in part]
    tails = [Tail.of(np.array(part, dtype=np.int64), len(every) + more) for part in values]
    expected = int(np.quantile(every, 0.99, method="higher")) if every else 0
    assert p99_of(tails) == expected
    assert all(len(tail.largest) <= (len(every) + more) // 100 + 2 for tail in tails)


@pytest.mark.parametrize("many", [1, 2, 99, 100, 101, 200, 201, 1001, 12_345])
def test_its_rank_is_numpy_s(many):
    values = np.arange(many)
    assert p99_of([Tail.of(values, many)]) == np.quantile(values, 0.99, method="higher")


def part(first_error="", *, warmup=False, late=(), many=None):
    counts = replace(make_load(), first_error=first_error)
    tail = Tail(len(late) if many is None else many, tuple(sorted(late)))
    return Part(counts, tail, tail, warmup)


def test_an_error_of_the_window_is_shown_before_one_of_the_warm_up():
    parts = [part(), part("warm", warmup=True), part("hot"), part("late")]
    assert merge_counts(parts).first_error == "hot"
    assert merge_counts(parts[:2]).first_error == "warm"


def test_one_worker_of_four_that_is_late_by_a_second_shows():
    punctual = [part(late=[1000] * 11, many=1000) for _ in range(3)]
    late = part(late=[10**9] * 41, many=1000)
    assert merge_counts([*punctual, late]).late_p99_ns == 10**9


def test_a_member_that_not_all_of_them_know():
    assert _sum([None, Histogram.of([1]), None]) == Histogram.of([1])
    assert _sum([None, None]) is None
    assert _sum([{"a": 1}, {"b": 2}, {"a": 3}]) == {"a": 4, "b": 2}
    with pytest.raises(TypeError, match="float has no sum"):
        _sum([1.5, 2.0])


def test_of_one_worker_the_counts_are_its_own():
    counts: LoadCounts = replace(make_load(), late_p99_ns=7)
    assert merge_counts([Part(counts, Tail(0, ()), Tail(0, ()))]) is counts
