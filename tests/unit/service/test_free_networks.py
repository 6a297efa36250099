"""How many networks the daemon still has addresses for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import docker.errors
import pytest

from socklat_gate.service.free_networks import NetworkRoom, network_room

BRIDGE = {"Id": "1", "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}
HOST = {"Id": "2", "IPAM": {"Config": None}}


class Daemon:
    """With these networks, those of this run, and what it says of itself."""

    def __init__(self, networks: Sequence[Mapping[str, Any]], own: int = 0, **info: Any) -> None:
        self.found = networks
        self.own = own
        self.said = info
        self.api = self

    def networks(self, *, filters: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        return self.found[: self.own] if filters else self.found

    def info(self) -> Mapping[str, Any]:
        return self.said


def room(daemon: Any) -> NetworkRoom | None:
    return network_room(daemon, "run")


def test_the_pools_of_a_daemon_that_names_none() -> None:
    assert room(Daemon([])) == NetworkRoom(0, 31)
    assert room(Daemon([BRIDGE, HOST], own=1)) == NetworkRoom(1, 30)
    assert room(Daemon([BRIDGE], DefaultAddressPools=None)) == NetworkRoom(0, 30)


def test_pools_that_it_names() -> None:
    pools = [{"Base": "10.10.0.0/16", "Size": 24}, {"Base": "fd00::/104", "Size": 112}]
    taken = [{"IPAM": {"Config": [{"Subnet": f"10.10.{at}.0/24"}]}} for at in range(6)]
    taken.append({"IPAM": {"Config": [{"Subnet": "fd00::/112"}, {"Subnet": "10.10.8.0/22"}]}})
    assert room(Daemon(taken, DefaultAddressPools=pools)) == NetworkRoom(0, 256 - 6 - 4)


@pytest.mark.parametrize("wrong", ["10.10.0.0/99", "nothing"])
def test_a_daemon_that_cannot_be_understood_is_not_known(wrong: str) -> None:
    assert room(Daemon([], DefaultAddressPools=[{"Base": wrong, "Size": 24}])) is None


def test_nor_is_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_self: Daemon) -> Any:
        raise docker.errors.APIError("no")

    monkeypatch.setattr(Daemon, "info", fails)
    assert room(Daemon([])) is None
