"""Headers that a scenario keeps, and those that it has to get from the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable

from socklat_gate.init.scrub.words import is_word

__all__ = ["SECRET_HEADERS", "kept_headers", "media_type", "secret_headers"]

SECRET_HEADERS = {
    "authorization": "API_TOKEN",
    "cookie": "SESSION_COOKIE",
    "x-api-key": "API_KEY",
    "api-key": "API_KEY",
    "x-auth-token": "API_TOKEN",
    "x-access-token": "API_TOKEN",
    "x-csrf-token": "CSRF_TOKEN",
    "x-xsrf-token": "CSRF_TOKEN",
}
"""Headers that let a request in, with a name for the environment variable of each."""

ENCODINGS = frozenset(("gzip", "deflate", "br", "zstd", "identity", "*"))
MOST_TYPES = 12
MOST_HEADERS = 200

_TYPE = re.compile(r"\s*(\*|[\w.+-]+)/(\*|[\w.+-]+)\s*(?:;\s*q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?))?")
_CHARSET = re.compile(r"charset=\"?(utf-8|iso-8859-1|us-ascii)\"?", re.IGNORECASE)


def kept_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of a request's headers those that shape the response, with values of a closed form."""
    kept: dict[str, str] = {}
    for number, (name, value) in enumerate(pairs):
        if number >= MOST_HEADERS:
            break
        cleaner = _CLEANERS.get(name.lower())
        if cleaner is not None and (cleaned := cleaner(value[:1000])):
            kept[_titled(name.lower())] = cleaned
    return dict(sorted(kept.items()))


def secret_headers(names: Iterable[str]) -> frozenset[str]:
    """Those of the headers' names, in lower case, that let a request in."""
    return frozenset(name.lower() for name in names) & SECRET_HEADERS.keys()


def media_type(value: str) -> str:
    """``type/subtype``, with the character set if it is a usual one; empty for anything else."""
    found = _TYPE.match(value)
    if not found or not _is_type(found[1], found[2]):
        return ""
    charset = _CHARSET.search(value)
    # A form in several parts has a boundary, and its body is not kept.
    if found[1].lower() == "multipart":
        return ""
    return f"{found[1]}/{found[2]}" + (f"; charset={charset[1].lower()}" if charset else "")


def _accept(value: str) -> str:
    kept = []
    for part in value.split(",")[:MOST_TYPES]:
        found = _TYPE.match(part)
        if found and _is_type(found[1], found[2]):
            kept.append(f"{found[1]}/{found[2]}" + (f";q={found[3]}" if found[3] else ""))
    return ", ".join(kept)


def _is_type(main: str, sub: str) -> bool:
    return main in _MAIN_TYPES and (sub == "*" or all(map(is_word, sub.split("+"))))


def _encodings(value: str) -> str:
    return ", ".join(part.strip() for part in value.split(",") if part.strip() in ENCODINGS)


def _requested_with(value: str) -> str:
    return value if value == "XMLHttpRequest" else ""


def _titled(name: str) -> str:
    return "-".join(part.title() for part in name.split("-"))


_MAIN_TYPES = frozenset(
    ("*", "application", "audio", "font", "image", "message", "model", "text", "video")
) | {"multipart"}
_CLEANERS = {
    "accept": _accept,
    "accept-encoding": _encodings,
    "content-type": media_type,
    "x-requested-with": _requested_with,
}
