from __future__ import annotations

import pytest

from socklat_gate.job import fleet_use as module
from socklat_gate.job.container_use import ReadyUse
from socklat_gate.job.fleet_use import choose
from socklat_gate.job.memory_left import RESERVE_BYTES
from socklat_gate.service.free_networks import NetworkRoom
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import scenario

MIB = 1 << 20


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "memory_left_bytes", lambda: RESERVE_BYTES + 1000 * MIB)


def test_a_number_given_may_be_busy_and_only_memory_takes_from_it() -> None:
    busy = ReadyUse(20 * MIB, 0.5)
    given = choose(scenario(watch={"replicas": 6}), busy, up=2)
    assert (given.wanted, given.most, given.note) == (6, 6, None)
    auto = choose(scenario(watch={}), busy, up=2)
    assert (auto.most, auto.note and auto.note.subject) == (0, "cpus")


def test_containers_of_blocks_keep_their_memory() -> None:
    use = ReadyUse(40 * MIB, 0.0)
    pairs = choose(scenario(watch={}), use, up=2)
    blocks = choose(scenario(watch={}, containers=4), use, up=2)
    assert (pairs.most, blocks.most) == (5, 2)


def test_a_number_given_is_cut_to_the_networks_that_are_left() -> None:
    """Two stacks of two networks each are up, two of pairs are to come; two are left for others."""
    use = ReadyUse(MIB, 0.0)
    room = NetworkRoom(own=4, free=16)
    given = choose(scenario(watch={"replicas": 12}), use, up=2, networks=room)
    assert (given.wanted, given.most) == (12, (2 + (16 - 4 - 2) // 2) // 2)
    assert given.note is not None
    assert note_text(given.note) == (
        "the watch has 3 + 3 replicas (gate.watch.replicas = 12): each is a stack with 2 networks, "
        "and the daemon has addresses for about 16 more (remove unused ones with docker network "
        "prune, or give it more by default-address-pools)"
    )
    few = choose(scenario(watch={}), use, up=2, networks=NetworkRoom(own=2, free=3))
    assert few.most == 0
    assert few.note is not None
    assert few.note.subject == "networks"
