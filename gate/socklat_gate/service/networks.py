"""Options of a private network on which containers have IPv6 addresses too."""

from __future__ import annotations

import ipaddress
import secrets

from docker.types import IPAMConfig, IPAMPool

__all__ = ["ipv6_options", "local_subnet"]


def ipv6_options() -> dict[str, object]:
    """Keyword arguments of ``create_network``; Docker adds IPv4 addresses as always.

    With a subnet, since daemons before 27 have none of their own to give.
    """
    pools = [IPAMPool(subnet=str(local_subnet(secrets.randbits(56))))]
    return {"enable_ipv6": True, "ipam": IPAMConfig(pool_configs=pools)}


def local_subnet(number: int) -> ipaddress.IPv6Network:
    """A subnet of unique local addresses (RFC 4193): its global id and its own are ``number``.

    ``number`` has 56 bits, so that two that are drawn are never the same.
    """
    return ipaddress.IPv6Network(((0xFD << 120) | (number << 64), 64))
