from __future__ import annotations

import dataclasses
import time
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.sweep import ENDPOINTS_WITHIN_S, LONGEST_S, sweep

BOOTED_S = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
BEFORE, AFTER = BOOTED_S - 60, time.time() - 1


class Daemon:
    """Lists what it was given, and notes what is removed."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, Any]]] = {"containers": [], "networks": []}
        self.gone: list[str] = []

    def add(self, owner: OwnerTag, state: str, made_s: float, zone: str = "Z") -> None:
        labels = owner.labels()
        hours = int(zone[:3]) if zone != "Z" else 0
        local = datetime.fromtimestamp(made_s, timezone.utc) + timedelta(hours=hours)
        moment = f"{local:%Y-%m-%dT%H:%M:%S}.123456789{zone}"
        name = f"n-{owner.run}"
        self.found["networks"].append({"Id": name, "Labels": labels, "Created": moment})
        if state:
            one = {"Id": f"c-{owner.run}", "Labels": labels, "State": state, "Created": int(made_s)}
            self.found["containers"].append(one)

    def containers(self, **options: Any) -> list[dict[str, Any]]:
        return self.found["containers"]

    def networks(self, **options: Any) -> list[dict[str, Any]]:
        return self.found["networks"]

    def volumes(self, **options: Any) -> dict[str, Any]:
        return {"Volumes": None}

    def remove_container(self, name: str, **options: Any) -> None:
        self.gone.append(name)

    def remove_volume(self, name: str) -> None:
        self.gone.append(name)

    def remove_network(self, name: str) -> None:
        self.gone.append(name)


def swept(state: str, made_s: float, zone: str = "Z", **changes: Any) -> int:
    """How many of a container and its network go."""
    daemon = Daemon()
    owner = dataclasses.replace(OwnerTag.current(), **changes)
    daemon.add(owner, state, made_s, zone)
    client: Any = SimpleNamespace(api=daemon)
    gone = sweep(client)
    assert len(gone) == len(daemon.gone)
    return len(gone)


def test_what_a_living_process_has_stays() -> None:
    assert swept("running", AFTER) == 0
    assert swept("exited", BEFORE) == 0
    assert swept("running", time.time() - 2 * LONGEST_S) == 0


@pytest.mark.parametrize("state", ["running", "paused", "restarting"])
def test_what_runs_for_an_owner_of_another_boot_stays(state: str) -> None:
    assert swept(state, BEFORE, boot="another") == 0
    assert swept(state, AFTER, boot="another") == 0


@pytest.mark.parametrize("state", ["created", "exited", "dead"])
def test_what_a_reboot_left_goes(state: str) -> None:
    assert swept(state, BEFORE, boot="another") == 2
    assert swept(state, AFTER, boot="another") == 0  # another machine's, about to start or to go


def test_a_network_that_a_reboot_left_goes_alone() -> None:
    assert swept("", BEFORE, boot="another") == 1
    assert swept("", AFTER, boot="another") == 0


@pytest.mark.parametrize("zone", ["Z", "+02:00", "-09:00"])
def test_the_daemons_clock_may_be_of_any_zone(zone: str) -> None:
    assert swept("", BOOTED_S - 600, zone, boot="another") == 1
    assert swept("", BOOTED_S + 1, zone, boot="another") == 0


@pytest.mark.parametrize("changes", [{"boot": "another"}, {"pid_ns": 1}])
def test_nothing_lasts_longer_than_a_day(changes: dict[str, Any]) -> None:
    assert swept("running", time.time() - LONGEST_S - 60, **changes) == 2
    assert swept("running", time.time() - LONGEST_S + 3600, **changes) == 0


def test_labels_that_say_nothing_prove_nothing() -> None:
    assert swept("exited", time.time() - 2 * LONGEST_S, pid=0) == 0


def test_no_start_waits_long_for_a_network_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon()
    owner = dataclasses.replace(OwnerTag.current(), pid=1 << 22)
    daemon.add(owner, "", AFTER)
    client: Any = SimpleNamespace(api=daemon)

    def stays(name: str) -> None:
        raise docker.errors.APIError("network n has active endpoints")

    monkeypatch.setattr(daemon, "remove_network", stays)
    begun_s = time.monotonic()
    assert sweep(client) == []
    assert time.monotonic() - begun_s < 2 * ENDPOINTS_WITHIN_S
