"""Readable names for requests, each given once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from socklat_gate.init.scrub.values import Kind
from socklat_gate.init.traffic.route import Route

__all__ = ["Names", "route_name"]

LONGEST = 40
LONGEST_WITH_NUMBER = 63
_SLOT_NAMES = {
    Kind.INTEGER: "id",
    Kind.UUID: "id",
    Kind.HEX: "id",
    Kind.DIGITS: "id",
    Kind.DECIMAL: "number",
    Kind.TOKEN: "token",
}
_PREFIX = re.compile(r"api|v\d+")


def route_name(method: str, route: Route) -> str:
    """``orders_id`` for GET, ``post_orders`` for another method."""
    parts = [
        segment.text if segment.kind is Kind.WORD else _SLOT_NAMES.get(segment.kind, segment.kind)
        for segment in route
        if segment.text
    ]
    while len(parts) > 1 and _PREFIX.fullmatch(parts[0]):
        del parts[0]
    while len(parts) > 1 and len("_".join(parts)) > LONGEST:
        del parts[0]
    name = "_".join(parts) or "root"
    return tidy_name(name if method == "GET" else f"{method.lower()}_{name}")


def tidy_name(text: str) -> str:
    """``text`` as a request may be called."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_.-")[:LONGEST].rstrip("_.-") or "request"


class Names:
    """Gives each name once: a second one gets a number."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def give(self, wanted: str) -> str:
        """``wanted``, or with the first number from 2 on that is free."""
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name
