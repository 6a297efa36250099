"""Where in a response the value of a variable is: JSON pointer, header or cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

__all__ = ["NotThere", "check_place", "value_at"]

HEADER, COOKIE = "header:", "cookie:"
_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_INDEX = re.compile(r"[0-9]{1,9}")
_UNSENDABLE = re.compile(r"[\r\n\0]")


class NotThere(Exception):
    """A response has no such value; the text says what it lacks, and shows nothing of it."""


def check_place(place: str) -> None:
    """Raises `ValueError` for what names no place."""
    for prefix in (HEADER, COOKIE):
        if place.startswith(prefix) and len(place) > len(prefix):
            return
    if not place.startswith("/") or not _POINTER.fullmatch(place):
        raise ValueError(
            f'{place!r} is no place in a response: give a JSON pointer that begins with "/" '
            f'(RFC 6901), "{HEADER}NAME" or "{COOKIE}NAME"'
        )


def value_at(place: str, headers: Sequence[tuple[str, str]], body: bytes) -> str:
    """The text at ``place``.  Raises `NotThere`."""
    if place.startswith(HEADER):
        found = _header(place.removeprefix(HEADER), headers)
    elif place.startswith(COOKIE):
        found = _cookie(place.removeprefix(COOKIE), headers)
    else:
        found = _pointed_at(place, body)
    if _UNSENDABLE.search(found):
        raise NotThere("holds a line break or a null byte, which no request can be filled with")
    try:
        found.encode()
    except UnicodeEncodeError:  # JSON can write half of a pair of surrogates
        raise NotThere("is no Unicode text") from None
    return found


def _header(name: str, headers: Sequence[tuple[str, str]]) -> str:
    for given, text in headers:
        if given.lower() == name.lower():
            return text
    raise NotThere("the response has no such header")


def _cookie(name: str, headers: Sequence[tuple[str, str]]) -> str:
    for given, text in headers:
        if given.lower() == "set-cookie":
            key, equals, value = text.partition(";")[0].partition("=")
            if equals and key.strip() == name:
                return value.strip()
    raise NotThere("the response sets no such cookie")


def _pointed_at(pointer: str, body: bytes) -> str:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise NotThere(f"the response's body ({len(body)} bytes) is not JSON") from None
    walked = ""
    for token in pointer.split("/")[1:]:
        walked += f"/{token}"
        value = _member(value, token.replace("~1", "/").replace("~0", "~"), walked)
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        raise NotThere("what is there is neither a text nor a number")
    return json.dumps(value)


def _member(value: Any, token: str, walked: str) -> Any:
    if isinstance(value, dict) and token in value:
        return value[token]
    if isinstance(value, list) and _INDEX.fullmatch(token) and int(token) < len(value):
        return value[int(token)]
    raise NotThere(f"the response's JSON has nothing at {walked}")
