from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from socklat_gate.service.image import ImageRef
from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.remove import remove_run
from socklat_gate.service.sweep import sweep

pytestmark = pytest.mark.docker

MakeRun = Callable[[OwnerTag], set[str]]


@pytest.fixture
def make_run(docker_client: Any, echo: ImageRef) -> Iterator[MakeRun]:
    """Create a network and a running container owned by a tag; returns their names."""
    runs: list[str] = []

    def make(owner: OwnerTag) -> set[str]:
        runs.append(owner.run)
        name = f"socklat-test-{owner.run}"
        docker_client.networks.create(name, labels=owner.labels())
        docker_client.containers.run(
            echo.id, name=name + "-c", detach=True, network=name, labels=owner.labels()
        )
        return {name, name + "-c"}

    yield make
    for run in runs:
        remove_run(docker_client, run, networks=True)


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_what_dead_owners_left_is_removed(
    docker_client: Any, make_run: MakeRun, left_behind: Callable[[str], list[str]]
) -> None:
    alive = OwnerTag.current()
    killed = dataclasses.replace(OwnerTag.current(), pid=dead_process())
    reused = dataclasses.replace(OwnerTag.current(), start=1)
    rebooted = dataclasses.replace(OwnerTag.current(), boot="an-earlier-boot")
    elsewhere = dataclasses.replace(killed, run=OwnerTag.current().run, pid_ns=1)
    make_run(alive)
    make_run(elsewhere)
    make_run(rebooted)  # but it runs: it is of another machine, or of another kernel on this one
    dead = make_run(killed) | make_run(reused)

    assert dead <= set(sweep(docker_client))
    for owner in (killed, reused):
        assert left_behind(owner.run) == []
    for owner in (alive, elsewhere, rebooted):
        assert len(left_behind(owner.run)) == 2
    assert dead.isdisjoint(sweep(docker_client))
