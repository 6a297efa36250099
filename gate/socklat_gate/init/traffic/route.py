"""A request's target as a route: literal words, and slots where ids and other data were."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from socklat_gate.init.scrub.bodies import form_fields
from socklat_gate.init.scrub.values import SAFE_WORDS, Kind, kind_of, placeholder, rounded_up
from socklat_gate.init.scrub.words import is_key, is_word

__all__ = ["NUMBER", "Route", "Segment", "Target", "is_hashed_asset", "path_text", "target_of"]

MOST_SEGMENTS = 24
MOST_QUERY_KEYS = 24
MOST_CACHED = 20_000
USUAL_NUMBER = 1000
PAGING = frozenset(
    ("limit", "offset", "page", "size", "page_size", "pagesize", "per_page", "perpage", "count")
) | {"n", "top", "skip", "take", "first", "rows"}
LONGEST_PAGING = 4
OWNERS = frozenset(
    ("users", "user", "u", "accounts", "account", "profiles", "profile", "people", "person")
) | {"members", "member", "customers", "customer", "authors", "author", "patients", "employees"}
"""After one of these a word is the name of a person, but for those of `OWN`."""

OWN = frozenset(
    (
        *("me", "self", "current", "login", "logout", "register", "signup", "signin", "signout"),
        *("search", "list", "count", "new", "create", "all", "settings", "profile", "orders"),
        *("password", "reset", "verify", "export", "import", "index", "admin", "roles", "stats"),
        *(
            "details",
            "preferences",
            "notifications",
            "status",
            "bulk",
            "batch",
            "invite",
            "session",
        ),
    )
)
SECRETS = frozenset(
    ("token", "tokens", "reset", "verify", "confirm", "invite", "activate", "unsubscribe")
)
"""After one of these comes a secret, whatever it looks like."""

ASSETS = frozenset(
    ("js", "mjs", "css", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "woff")
) | {"woff2", "ttf", "otf", "mp4", "webm", "wasm"}


ASSET = "{asset}"
NUMBER = "{random_int}"
"""Stands in a route for a number, whose bounds are known once all requests are."""

SLOTS = {
    Kind.INTEGER: NUMBER,
    Kind.EMAIL: "user{random_int:1:1000}@example.com",
    Kind.TOKEN: "placeholder",
    Kind.DECIMAL: "1.5",
}


class Segment(NamedTuple):
    """A part of a path: a word (``kind`` WORD), or what a request has in the place of data."""

    kind: Kind
    text: str


Route = tuple[Segment, ...]

_NUMBER = re.compile(r"(?<=/)\d{1,9}(?=/|$)", re.ASCII)
_ORIGIN = re.compile(r"(?:https?|wss?)://[^/?#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """``route`` is the same for all requests of one kind; ``numbers`` are those in its slots.

    ``query`` has for each key what stands in its value's place.
    """

    route: Route
    numbers: tuple[int, ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def target_of(target: str, fixed: str = "") -> Target | None:
    """The route of ``/path?query`` or of a whole URL; None for what is neither.

    A segment with ``fixed`` in it is a word; text around it that does not read like one is left
    out.
    """
    path, _, query = _origin_form(target).partition("#")[0].partition("?")
    if not path.startswith("/"):
        return None
    # Logs have millions of paths that differ in their numbers only.
    numbers = tuple(map(int, _NUMBER.findall(path)))
    route, slots = _route(_NUMBER.sub("0", path) if numbers else path, fixed)
    if len(numbers) != slots:  # one was encoded, or there are too many segments
        numbers = (USUAL_NUMBER,) * slots
    return Target(route, numbers, _query(query) if query else ())


@lru_cache(maxsize=MOST_CACHED)
def _route(path: str, fixed: str) -> tuple[Route, int]:
    """The route of a path, and how many numbers are in it."""
    segments: list[Segment] = []
    before = ""
    for raw in path[1:].split("/")[:MOST_SEGMENTS]:
        text = unquote(raw.partition(";")[0])
        if fixed and fixed in text:
            text = text if is_word(text) else text[text.index(fixed) :][: len(fixed) + 1]
            kind = Kind.WORD
        else:
            kind = _kind_after(before, text)
        segments.append(_segment(kind, text))
        before = text.lower()
    return tuple(segments), sum(one.kind is Kind.INTEGER for one in segments)


def is_hashed_asset(target: Target) -> bool:
    """Whether it is a file of a page whose name changes with its content."""
    return bool(target.route) and target.route[-1].text == ASSET


def _origin_form(target: str) -> str:
    found = None if target.startswith("/") else _ORIGIN.match(target)
    if not found:
        return target
    rest = target[found.end() :]
    return rest if rest.startswith("/") else f"/{rest}"


def _kind_after(before: str, text: str) -> Kind:
    """What the segment ``text`` is, after the segment ``before``."""
    if not text:
        return Kind.WORD
    kind = kind_of(text)
    if text.startswith(("~", "@")):
        return Kind.USER
    if kind is not Kind.WORD or text.lower() in OWN:
        return kind
    if before in OWNERS:
        return Kind.USER
    return Kind.TOKEN if before in SECRETS else kind


def _segment(kind: Kind, text: str) -> Segment:
    if kind is Kind.WORD:
        return Segment(kind, text)
    stem, dot, extension = text.rpartition(".")
    if dot and stem and extension.lower() in ASSETS and kind is Kind.TOKEN:
        return Segment(kind, ASSET)
    return Segment(kind, SLOTS.get(kind) or placeholder(kind, text))


@lru_cache(maxsize=MOST_CACHED)
def _query(query: str) -> tuple[tuple[str, str], ...]:
    found = {}
    for key, value in form_fields(query)[:MOST_QUERY_KEYS]:
        if is_key(key):
            found[key] = _query_value(key.lower(), value)
    return tuple(found.items())


def _query_value(key: str, value: str) -> str:
    if value.lower() in SAFE_WORDS or (
        key in PAGING and value.isascii() and value.isdigit() and len(value) <= LONGEST_PAGING
    ):
        return value
    kind = kind_of(value)
    return placeholder(Kind.TOKEN if kind is Kind.WORD else kind, value[:200])


def path_text(
    route: Route, highest: Sequence[int] = (), query: Iterable[tuple[str, str]] = ()
) -> str:
    """The path of a request, templates included; ``highest`` are those of its numbers."""
    bounds = iter(highest)
    parts = [
        _number(next(bounds, USUAL_NUMBER)) if one.text == NUMBER else one.text for one in route
    ]
    path = "/" + "/".join(parts)
    values = "&".join(f"{key}={value}" if value else key for key, value in query)
    return f"{path}?{values}" if values else path


def _number(highest: int) -> str:
    return f"{{random_int:1:{rounded_up(highest)}}}"
