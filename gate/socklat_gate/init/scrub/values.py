"""What kind of value a text is, and another value of that kind and length in its place."""

from __future__ import annotations

import ipaddress
import re
from enum import Enum

from socklat_gate.init.scrub.words import is_word

__all__ = ["Kind", "kind_of", "placeholder", "rounded_up"]

MOST_DIGITS = 9
"""A longer number may be that of a card or a phone."""

LONGEST_PARSED = 200
LONGEST_IP = 45
FILLER = "placeholder-"
MAIL_DOMAIN = "@example.com"
SOME_DATE, SOME_TIME = "2026-01-15", "T12:00:00"
SAFE_WORDS = frozenset(("true", "false", "null", "none", "asc", "desc", "on", "off", "yes", "no"))

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)[0-9a-f]{6,}", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
_EMAIL = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s/]+")
_INTEGER = re.compile(r"\d+", re.ASCII)
_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_PHONE = re.compile(r"\+?[\d ().-]{6,}", re.ASCII)


class Kind(str, Enum):
    """What a value is."""

    WORD = "word"
    INTEGER = "integer"  # of at most `MOST_DIGITS`
    DIGITS = "digits"
    DECIMAL = "decimal"
    UUID = "uuid"
    HEX = "hex"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    IP = "ip"
    USER = "user"
    SLUG = "slug"  # one of many words in the same place
    TOKEN = "token"  # noqa: S105 - the name of a kind: anything else


_KINDS = (
    (_INTEGER, Kind.INTEGER),
    (_UUID, Kind.UUID),
    (_DATE, Kind.DATE),
    (_DATETIME, Kind.DATETIME),
    (_EMAIL, Kind.EMAIL),
    (_HEX, Kind.HEX),
    (_DECIMAL, Kind.DECIMAL),
)


def kind_of(text: str) -> Kind:
    """The first kind that fits; `Kind.TOKEN` when none does."""
    if len(text) > LONGEST_PARSED:
        return Kind.TOKEN
    found = next((kind for pattern, kind in _KINDS if pattern.fullmatch(text)), None)
    if found in (Kind.INTEGER, Kind.DECIMAL) and len(text) > MOST_DIGITS:
        return Kind.DIGITS
    if _is_ip(text):
        return Kind.IP
    if found is None and is_word(text) and not _PHONE.fullmatch(text):
        return Kind.WORD
    return found or Kind.TOKEN


def placeholder(kind: Kind, text: str = "") -> str:
    """A text of ``kind``, as long as ``text`` where that is possible, and without any of it.

    May hold templates of ``[[load.request]]``, which are filled in for each request.
    """
    length = len(text)
    if kind is Kind.INTEGER:
        return f"{{random_int:1:{rounded_up(int(text))}}}" if text else "{random_int:1:1000}"
    if kind is Kind.EMAIL:
        name = FILLER * (length // len(FILLER) + 1)
        return name[: max(1, length - len(MAIL_DOMAIN))].rstrip("-") + MAIL_DOMAIN
    if kind is Kind.HEX:
        return "0" * max(0, length - 6) + "{random_int:100000:999999}"
    fixed = {
        Kind.UUID: "{uuid}",
        Kind.DATE: SOME_DATE,
        Kind.DATETIME: SOME_DATE + SOME_TIME + "Z" * text.endswith("Z"),
        Kind.IP: "192.0.2.1",
        Kind.USER: "user{random_int:1:1000}",
        Kind.SLUG: "example",
    }
    return fixed[kind] if kind in fixed else _same_form(kind, text)


def rounded_up(value: int) -> int:
    """The next of 10, 20, 50, 100, ... that is not below ``value``."""
    power = 10
    while True:
        for step in (1, 2, 5):
            if value <= step * power:
                return step * power
        power *= 10


def _same_form(kind: Kind, text: str) -> str:
    if kind in (Kind.DIGITS, Kind.DECIMAL):
        digits = iter("1234567890" * (len(text) // 10 + 1))
        return "".join(next(digits) if mark.isdigit() else mark for mark in text) or "1"
    length = len(text)
    return (FILLER * (length // len(FILLER) + 1))[:length]


def _is_ip(text: str) -> bool:
    if len(text) > LONGEST_IP or not ("." in text or ":" in text):
        return False
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
