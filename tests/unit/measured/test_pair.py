from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.measured.pair import Pair, containers_of, moments, together
from tests.unit.factories import make_pair


def block(first: int, containers: int) -> list[Pair]:
    return [replace(make_pair(first + at), start=first, replica=at) for at in range(containers)]


def test_pairs_of_one_container_an_arm_are_a_measurement_each() -> None:
    pairs = [make_pair(0), make_pair(1), make_pair(2)]
    assert (containers_of(pairs), moments(pairs)) == (1, 3)
    assert [[pair.index for pair in one] for one in together(pairs)] == [[0], [1], [2]]
    assert (containers_of([]), moments([]), together([])) == (1, 0, [])


@pytest.mark.parametrize("containers", [2, 4])
def test_the_pairs_of_a_block_are_one_measurement(containers: int) -> None:
    pairs = block(0, containers) + block(containers, containers)
    assert (containers_of(pairs), moments(pairs)) == (containers, 2)
    assert [len(one) for one in together(pairs)] == [containers] * 2
    assert [pair for one in together(pairs) for pair in one] == pairs
