"""Containers are created at once; those of a block are started at once, of a pair in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import docker.errors
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.pair import ARMS
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import PlacedContainer
from socklat_gate.service.containers import Containers
from socklat_gate.service.image import ImageRef
from socklat_gate.service.owner import OwnerTag

IMAGE = ImageRef("app:1", "sha256:abc", "")
T = TypeVar("T")


class Daemon:
    """Remembers what it was asked; ``together`` calls of a kind wait until so many have come."""

    def __init__(self, together: int, started_together: int | None = None) -> None:
        self.created: list[str] = []
        self.started: list[str] = []
        self.refused = ""
        self._barrier = threading.Barrier(together)
        self._starting = threading.Barrier(started_together or together)
        self.containers = SimpleNamespace(create=self.create)
        self.info = dict
        self.api = SimpleNamespace(start=self.start)

    def create(self, *, name: str, **options: Any) -> Any:
        assert options["network"]
        self._barrier.wait(timeout=10)
        self.created.append(name)
        return SimpleNamespace(id=name)

    def start(self, container_id: str) -> None:
        self._starting.wait(timeout=10)
        if self.refused and self.refused in container_id:
            raise docker.errors.APIError("no such file")
        self.started.append(container_id)


def placed(daemon: Daemon, containers: int) -> tuple[list[str], int]:
    """Names in the order given back, and how many calls the worker got."""
    specs = [
        ArmSpec(arm, IMAGE, replica=at, replicas=containers)
        for at in range(containers)
        for arm in ARMS
    ]
    client: Any = daemon
    launcher = Containers(client, Service(port=80), Path(), OwnerTag.current(), "net")
    calls = []

    def call(one: Callable[[], T], /) -> T:
        calls.append(one)
        return one()

    told: list[PlacedContainer] = []
    before_ns = time.monotonic_ns()
    found = launcher.place(specs, call, told.append)
    assert sorted(told, key=found.index) == found
    assert all(before_ns <= one.ordered_ns <= time.monotonic_ns() for one in found)
    return [one.name for one in found], len(calls)


def test_the_containers_of_a_block_are_asked_for_at_the_same_time() -> None:
    daemon = Daemon(together=8)
    names, calls = placed(daemon, 4)
    assert calls == 2
    assert [name.rpartition("-")[0] for name in names] == [
        f"net-{arm}-{at}" for at in range(1, 5) for arm in ARMS
    ]
    assert len(set(names)) == 8
    assert sorted(daemon.created) == sorted(daemon.started) == sorted(names)


def test_those_of_a_pair_are_created_at_once_and_started_one_after_the_other() -> None:
    daemon = Daemon(together=2, started_together=1)
    names, calls = placed(daemon, 1)
    assert calls == 3
    assert sorted(daemon.created) == sorted(names)
    assert daemon.started == names


def test_each_is_told_of_before_the_next_is_started() -> None:
    """A container is watched for its readiness while the others are not even started."""
    daemon = Daemon(together=1)
    client: Any = daemon
    launcher = Containers(client, Service(port=80), Path(), OwnerTag.current(), "net")
    started: list[int] = []
    specs = [ArmSpec(arm, IMAGE) for arm in ARMS]
    found = launcher.place(specs, lambda one: one(), lambda _: started.append(len(daemon.started)))
    assert started == [1, 2]
    assert found[0].ordered_ns < found[1].ordered_ns


def test_a_container_of_a_block_that_does_not_start_is_named_once_all_were_tried() -> None:
    daemon = Daemon(together=4)
    daemon.refused = "candidate-2"
    with pytest.raises(InvalidMeasurement, match="net-candidate-2-") as caught:
        placed(daemon, 2)
    assert caught.value.reason is Reason.SERVICE_DIED
    assert len(daemon.started) == 3
