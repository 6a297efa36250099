"""Values by request number: seeded, alike for both arms, and spread as they should be."""

from __future__ import annotations

import uuid
from collections import Counter

import numpy as np
import pytest

from socklat_gate.load.values import Values
from socklat_gate.scenario.feeder import Feeder
from socklat_gate.scenario.template import Field

ROWS = 97
FEEDER = Feeder(
    {"id": tuple(map(str, range(ROWS))), "name": tuple(f"n{row}" for row in range(ROWS))},
    range(ROWS),
    "",
)


def texts(values, field, numbers=range(500)):
    value = values.of(field, str)
    return [value(number) for number in numbers]


@pytest.mark.parametrize(
    "field", [Field("id"), Field("uuid"), Field("random_int", 1, 1000)], ids=lambda f: f.name
)
def test_a_seed_and_a_number_make_a_value(field):
    one, same, other = (texts(Values(seed, FEEDER), field) for seed in (7, 7, 8))
    assert one == same != other


def test_every_row_comes_once_before_one_comes_again():
    ids = texts(Values(7, FEEDER), Field("id"), range(3 * ROWS))
    for begin in (0, ROWS, 2 * ROWS):
        assert sorted(ids[begin : begin + ROWS], key=int) == [str(row) for row in range(ROWS)]
    assert ids[:ROWS] != sorted(ids[:ROWS], key=int)


def test_the_columns_of_a_request_are_of_one_row():
    values = Values(7, FEEDER)
    ids, names = texts(values, Field("id")), texts(values, Field("name"))
    assert [f"n{one}" for one in ids] == names


def test_uuids_are_unique_and_of_version_4():
    found = texts(Values(7), Field("uuid"), range(5000))
    assert len(set(found)) == 5000
    parsed = [uuid.UUID(one) for one in found]
    assert {(one.version, one.variant) for one in parsed} == {(4, uuid.RFC_4122)}
    assert [str(one) for one in parsed] == found
    assert not set(found) & set(texts(Values([7, 1]), Field("uuid"), range(5000)))


@pytest.mark.parametrize(("low", "high"), [(1, 6), (-3, 3), (5, 5), (0, 10**18 - 1)])
def test_random_integers_are_within_their_bounds_and_even(low, high):
    found = list(map(int, texts(Values(7), Field("random_int", low, high), range(6000))))
    assert low <= min(found) <= max(found) <= high
    if high - low < 10:
        span = high - low + 1
        for count in Counter(found).values():
            assert abs(count - 6000 / span) < 5 * np.sqrt(6000 / span)
    else:
        assert abs(np.mean(found) / high - 0.5) < 0.02


def test_integers_with_other_bounds_are_others():
    values = Values(7)
    one, other = (texts(values, Field("random_int", 0, high)) for high in (999, 1000))
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 20


def test_the_sequence_is_the_number():
    assert texts(Values(7), Field("seq"), range(3)) == ["0", "1", "2"]


def test_a_worker_finds_the_values_of_its_requests_by_their_numbers_in_the_whole():
    numbers = [3, 5, 8, 13, 21]
    whole, own = Values(7, FEEDER), Values(7, FEEDER, numbers=numbers)
    for field in (Field("id"), Field("uuid"), Field("seq"), Field("random_int", 1, 10**9)):
        assert texts(own, field, range(5)) == texts(whole, field, numbers)
    assert [own.row_of(at) for at in range(5)] == [whole.row_of(number) for number in numbers]
