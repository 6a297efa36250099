"""How many more networks the daemon has addresses for: a stack of containers takes one or more.

The daemon gives each network a subnet of its pools, and refuses one when none is left.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import docker.errors
import requests

from socklat_gate.service.client import daemon_message
from socklat_gate.service.docker_documents import DaemonInfo, NetworkObject
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.owner import RUN_LABEL

__all__ = ["NetworkRoom", "network_room"]

log = logging.getLogger(__name__)

Pool = tuple[str, int]
"""Its base, and the length of the prefix of each network's subnet."""

BY_DEFAULT: Sequence[Pool] = (
    ("172.17.0.0/16", 16),
    ("172.18.0.0/16", 16),
    ("172.19.0.0/16", 16),
    ("172.20.0.0/14", 16),
    ("172.24.0.0/14", 16),
    ("172.28.0.0/14", 16),
    ("192.168.0.0/16", 20),
)
"""Where the daemon's configuration names none."""

MOST = 1024
"""Subnets that are looked at: nobody needs more."""

_IPv4 = ipaddress.IPv4Network
_UNKNOWN = (docker.errors.DockerException, requests.RequestException, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class NetworkRoom:
    """``own`` networks are of this run, and about ``free`` more can be created."""

    own: int
    free: int


def network_room(client: DockerClient, run: str) -> NetworkRoom | None:
    """None where the daemon does not say."""
    try:
        taken = list(_subnets(client.api.networks(filters={})))
        own = len(client.api.networks(filters={"label": f"{RUN_LABEL}={run}"}))
        pools = list(_pools(client.info()))
    except _UNKNOWN as error:
        log.info("how many networks are free is not known: %s", daemon_message(error))
        return None
    subnets = islice(_all(pools), MOST)
    free = sum(not any(one.overlaps(other) for other in taken) for one in subnets)
    return NetworkRoom(own, free)


def _all(pools: Sequence[tuple[_IPv4, int]]) -> Iterator[_IPv4]:
    for base, size in pools:
        yield from base.subnets(new_prefix=size)


def _pools(info: DaemonInfo) -> Iterator[tuple[_IPv4, int]]:
    given = info.get("DefaultAddressPools") or ()
    pools = [(one["Base"], one["Size"]) for one in given]
    for base, size in pools or BY_DEFAULT:
        if ":" not in base:
            yield _IPv4(base, strict=False), size


def _subnets(networks: Sequence[NetworkObject]) -> Iterator[_IPv4]:
    for network in networks:
        addresses = network.get("IPAM") or {}
        for one in addresses.get("Config") or ():
            subnet = one.get("Subnet", "")
            if subnet and ":" not in subnet:
                yield _IPv4(subnet, strict=False)
