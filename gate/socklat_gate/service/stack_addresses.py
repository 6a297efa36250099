"""Fixed subnets and addresses of a stack, which two stacks at once cannot both have."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["ADDRESSES", "address_problems", "fixed_subnets", "with_free_subnets"]

ADDRESSES = ("ipv4_address", "ipv6_address", "link_local_ips")

_ADDRESS = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?"
    r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:/\d{1,3})?"
)

Document = Mapping[str, Any]
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network


def fixed_subnets(stack: Document) -> Iterator[tuple[str, Subnet]]:
    """Names of networks and each subnet that they ask for; what is no subnet is left to compose."""
    for name, network in (stack.get("networks") or {}).items():
        for entry in _pools(network):
            try:
                yield name, ipaddress.ip_network(str(entry.get("subnet")), strict=False)
            except ValueError:
                continue


def address_problems(stack: Document) -> Iterator[tuple[str, str]]:
    """Keys that hold an address which another subnet would make wrong, each with the reason."""
    subnets = [subnet for _, subnet in fixed_subnets(stack)]
    for name, definition in stack["services"].items():
        networks = definition.get("networks")
        for network in networks if isinstance(networks, Mapping) else ():
            for key in ADDRESSES:
                if given := (networks[network] or {}).get(key):
                    place = f"services.{name}.networks.{network}.{key}"
                    yield place, f"both arms cannot have the address {given}"
        for key, value in definition.items():
            found = None if key == "networks" else _first_inside(value, subnets)
            if found:
                yield (
                    f"services.{name}.{key}",
                    f"{found} lies in a subnet that the file fixes (networks: ipam), and both "
                    "arms cannot have that one",
                )


def with_free_subnets(network: Mapping[str, Any]) -> dict[str, Any]:
    """A network whose subnets Docker chooses; IPv6, of which it may have no pool, a random one."""
    kept = dict(network)
    ipam = {key: value for key, value in (kept.pop("ipam", None) or {}).items() if key != "config"}
    wants_ipv6 = kept.get("enable_ipv6") in (True, "true")
    if wants_ipv6:
        ipam["config"] = [{"subnet": _unique_local()}]
    return {**kept, "ipam": ipam} if ipam else kept


def _unique_local() -> str:
    """A /64 of RFC 4193, whose 40 random bits nobody else has."""
    bits = (0xFD << 120) | (secrets.randbits(40) << 80)
    return f"{ipaddress.IPv6Address(bits)}/64"


def _pools(network: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    ipam = (network or {}).get("ipam") or {}
    yield from (entry for entry in ipam.get("config") or () if isinstance(entry, Mapping))


def _first_inside(value: object, subnets: list[Subnet]) -> str:
    """The first address or subnet of any text in ``value`` that lies in one of these."""
    if isinstance(value, Mapping):
        parts = [*map(str, value), *value.values()]
        return next(filter(None, (_first_inside(part, subnets) for part in parts)), "")
    if isinstance(value, list):
        return next(filter(None, (_first_inside(part, subnets) for part in value)), "")
    for text in _ADDRESS.findall(str(value)) if subnets and value is not None else ():
        try:
            found = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        if any(_is_inside(found, subnet) for subnet in subnets):
            return str(text)
    return ""


def _is_inside(found: Subnet, subnet: Subnet) -> bool:
    return found.prefixlen >= subnet.prefixlen and found.network_address in subnet
