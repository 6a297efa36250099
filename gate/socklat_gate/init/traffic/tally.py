"""Counts requests by method and route, in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from socklat_gate.init.scrub.values import Kind, placeholder
from socklat_gate.init.traffic.route import Route, Segment, Target

__all__ = ["Key", "Tallied", "Tally"]

MOST_ROUTES = 20_000
MANY_WORDS = 30
"""From so many words in one place on they are data, such as titles or names."""

MOST_QUERIES = 32
MOST_BODIES = 9
ROUTES_WITH_BODIES = 500
USER = Segment(Kind.USER, placeholder(Kind.USER))
SLUG = Segment(Kind.SLUG, placeholder(Kind.SLUG))


@dataclass(slots=True)
class Tallied:
    """What is known of the requests of one method and route.

    ``bodies`` are some of theirs, scrubbed; ``body_bytes`` the sum of ``sized`` sizes.
    """

    count: int = 0
    highest: list[int] = field(default_factory=list)
    queries: Counter[tuple[tuple[str, str], ...]] = field(default_factory=Counter)
    headers: Counter[tuple[tuple[str, str], ...]] = field(default_factory=Counter)
    bodies: list[str] = field(default_factory=list)
    body_bytes: int = 0
    sized: int = 0

    def add(self, other: Tallied) -> None:
        """Take another route's requests as well."""
        self.count += other.count
        self.body_bytes += other.body_bytes
        self.sized += other.sized
        self.queries.update(other.queries)
        self.headers.update(other.headers)
        self.bodies = (self.bodies + other.bodies)[:MOST_BODIES]
        self.heighten(other.highest)

    def heighten(self, numbers: list[int] | tuple[int, ...]) -> None:
        """Take the numbers of one more request."""
        if len(self.highest) < len(numbers):
            self.highest += [0] * (len(numbers) - len(self.highest))
        for index, number in enumerate(numbers):
            self.highest[index] = max(self.highest[index], number)

    @property
    def mean_bytes(self) -> int:
        """Of the bodies whose size is known; 0 without one."""
        return round(self.body_bytes / self.sized) if self.sized else 0

    @property
    def body(self) -> str | None:
        """The one of ``bodies`` of median length."""
        return sorted(self.bodies, key=len)[len(self.bodies) // 2] if self.bodies else None


Key = tuple[str, Route]
_Place = tuple[str, Route, Route]


class Tally:
    """``requests`` by method and route; ``pooled`` are those for which there was no room."""

    def __init__(self) -> None:
        self.requests: dict[Key, Tallied] = {}
        self.pooled = 0
        self._slugs: set[_Place] = set()

    def add(
        self,
        method: str,
        target: Target,
        times: int = 1,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        body: str | None = None,
        body_bytes: int = 0,
        sized: int = 0,
    ) -> None:
        """Count a request ``times`` times; ``body`` is scrubbed.

        ``sized`` of them are known to have had bodies of ``body_bytes`` together.
        """
        found = self._entry(method, target.route)
        if found is None:
            self.pooled += times
            return
        found.count += times
        found.heighten(target.numbers)
        if target.query in found.queries or len(found.queries) < MOST_QUERIES:
            found.queries[target.query] += times
        if headers in found.headers or len(found.headers) < MOST_QUERIES:
            found.headers[headers] += times
        if body is not None and len(found.bodies) < MOST_BODIES:
            found.bodies.append(body)
        found.body_bytes += body_bytes
        found.sized += sized

    def room_for_body(self, method: str, target: Target) -> bool:
        """Whether one more body of this route is worth scrubbing."""
        found = self.requests.get((method, target.route))
        if found is None:
            return len(self.requests) < ROUTES_WITH_BODIES
        return len(found.bodies) < MOST_BODIES

    def merge_words(self) -> None:
        """Make one route of those that differ in one of `MANY_WORDS` words or more."""
        for at in range(max((len(route) for _, route in self.requests), default=0)):
            self._merge_words_at(at)

    def hide(self, users: Collection[str]) -> None:
        """Take words that are names of people, in lower case, out of the routes."""
        for method, route in list(self.requests):
            if any(one.text.lower() in users for one in route):
                hidden = tuple(USER if one.text.lower() in users else one for one in route)
                found = self.requests.pop((method, route))
                self.requests.setdefault((method, hidden), Tallied()).add(found)

    def _entry(self, method: str, route: Route) -> Tallied | None:
        key = (method, route)
        if key not in self.requests and self._slugs:
            key = (method, self._with_slugs(method, route))
        if key not in self.requests:
            if len(self.requests) >= MOST_ROUTES:
                self.merge_words()
                key = (method, self._with_slugs(method, route))
            if key not in self.requests and len(self.requests) >= MOST_ROUTES:
                return None
            self.requests.setdefault(key, Tallied())
        return self.requests[key]

    def _with_slugs(self, method: str, route: Route) -> Route:
        for at in range(len(route)):
            if (method, route[:at], route[at + 1 :]) in self._slugs:
                route = (*route[:at], SLUG, *route[at + 1 :])
        return route

    def _merge_words_at(self, at: int) -> None:
        places: defaultdict[_Place, list[Key]] = defaultdict(list)
        for method, route in self.requests:
            if at < len(route) and route[at].kind in (Kind.WORD, Kind.SLUG):
                places[method, route[:at], route[at + 1 :]].append((method, route))
        for place, keys in places.items():
            if len(keys) < MANY_WORDS and place not in self._slugs:
                continue
            self._slugs.add(place)
            method, before, after = place
            merged = Tallied()
            for key in keys:
                merged.add(self.requests.pop(key))
            self.requests.setdefault((method, (*before, SLUG, *after)), Tallied()).add(merged)
