from __future__ import annotations

from collections import Counter

import pytest

from socklat_gate.job.starting_order import coin, starting_order
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from tests.unit.job.fakes import BASE_IMAGE, IMAGE

SPECS = [ArmSpec("baseline", BASE_IMAGE), ArmSpec("candidate", IMAGE)]
ONE_SET = Service(port=80, cpuset="0-1")
TWO_SETS = Service(port=80, cpuset=["0", "1"])


def test_either_arm_is_first_as_often_as_the_other() -> None:
    first = Counter(starting_order(seed, SPECS, ONE_SET)[1][0].arm for seed in range(400))
    assert 160 < first["baseline"] < 240
    assert [coin(seed) for seed in range(20)] == [coin(seed) for seed in range(20)]
    assert {coin(seed) for seed in range(20)} == {0, 1}


@pytest.mark.parametrize("containers", [2, 4])
def test_all_containers_of_a_block_start_in_an_order_by_chance(containers: int) -> None:
    whole = {(arm, at) for arm in ("baseline", "candidate") for at in range(containers)}
    places: Counter[tuple[str, int, int]] = Counter()
    for seed in range(600):
        _, order = starting_order(seed, SPECS, ONE_SET, containers)
        assert {(spec.arm, spec.replica) for spec in order} == whole
        assert {spec.replicas for spec in order} == {containers}
        places.update((spec.arm, spec.replica, place) for place, spec in enumerate(order))
    expected = 600 / (2 * containers)
    assert len(places) == (2 * containers) ** 2
    assert all(abs(count - expected) < 0.4 * expected for count in places.values())


@pytest.mark.parametrize("containers", [1, 4])
def test_the_containers_of_an_arm_share_its_cpus(containers: int) -> None:
    swaps = set()
    for seed in range(20):
        swapped, order = starting_order(seed, SPECS, TWO_SETS, containers)
        swaps.add(swapped)
        sets = {(spec.arm, spec.cpuset) for spec in order}
        assert sets == {("baseline", "01"[swapped]), ("candidate", "10"[swapped])}
    assert swaps == {False, True}


def test_the_same_seed_starts_the_same_way() -> None:
    assert starting_order(7, SPECS, TWO_SETS, 4) == starting_order(7, SPECS, TWO_SETS, 4)
    alone = starting_order(7, SPECS[1:], ONE_SET)[1]
    assert [spec.name for spec in alone] == ["candidate"]
    assert {spec.name for spec in starting_order(7, SPECS, ONE_SET, 2)[1]} == {
        "baseline-1",
        "baseline-2",
        "candidate-1",
        "candidate-2",
    }
