"""Which names a person chose for all to read, as those of routes and keys, and which are data.

A name is kept only if it reads like one: secrets and ids look random, and what cannot be told
apart is taken for one.
"""

from __future__ import annotations

import re

__all__ = ["is_key", "is_word"]

LONGEST_WORD, LONGEST_KEY = 48, 48
MOST_PARTS = 8
SHORT, LONG = 8, 16
MAX_RARE_SHORT, MAX_RARE_LONG = 0.34, 0.2
LONGEST_RUN = 24

_PART = re.compile(r"[A-Za-z]+\d{0,3}|[A-Za-z]\d[A-Za-z]|\d{1,2}[A-Za-z]{1,4}|\d{1,2}", re.ASCII)
_SEPARATORS = re.compile(r"[-_.]")
_VERSION = re.compile(r"v\d{1,3}(\.\d{1,3}){0,2}", re.ASCII)
_HEX = re.compile(r"(?=.*\d)[0-9a-f]{6,}", re.IGNORECASE)
_KEY = re.compile(r"[A-Za-z_$@][\w.$@\[\]:-]*", re.ASCII)

_FOLLOWERS = {
    "a": "bcdgiklmnprstuvy",
    "b": "aeilorsu",
    "c": "acehiklorstu",
    "d": "adeilorsu",
    "e": "acdefgilmnpqrstvwxy",
    "f": "aefilorsu",
    "g": "aehinorsu",
    "h": "aeiort",
    "i": "abcdefglmnoprstvxz",
    "k": "eis",
    "l": "adeilopstuy",
    "m": "abeimopsu",
    "n": "acdefgiklnostuv",
    "o": "abcdfgiklmnoprstuvw",
    "p": "aehiloprstuy",
    "q": "u",
    "r": "acdegiklmnoprstuy",
    "s": "acehiklopstuy",
    "t": "acdehilmoprstuy",
    "u": "abcdegilmnprst",
    "v": "aeio",
    "w": "aehior",
    "x": "ceipt",
    "y": "pst",
    "z": "e",
}
"""The letters that often follow each in the names of programs (254 pairs of 676).

Counted over 4,792 words of Python's library: with the limits above, 2% of them look random, and
89% of random strings of 8 letters do, 99% of those of 16.
"""


def is_word(text: str) -> bool:
    """Whether ``text`` reads like a part of a route: ``orders``, ``v2``, ``order-items.json``."""
    if not 0 < len(text) <= LONGEST_WORD:
        return False
    if _VERSION.fullmatch(text):
        return True
    parts = _SEPARATORS.split(text)
    if len(parts) > MOST_PARTS or not all(map(_PART.fullmatch, parts)):
        return False
    return not any(map(_HEX.fullmatch, parts)) and _reads(text) and not _is_number(text)


def is_key(text: str) -> bool:
    """Whether ``text`` reads like the key of a JSON object, of a form or of a query."""
    if not 0 < len(text) <= LONGEST_KEY or not _KEY.fullmatch(text) or "@" in text[1:]:
        return False
    parts = [part for part in re.split(r"[\W_]", text) if part]
    if len(parts) > MOST_PARTS or not all(map(_PART.fullmatch, parts)):
        return False
    return not any(map(_HEX.fullmatch, parts)) and _reads(text)


def _is_number(text: str) -> bool:
    return not any(map(str.isalpha, text))


def _reads(text: str) -> bool:
    """Whether its letters follow each other as in words."""
    runs = re.findall(r"[A-Za-z]+", text)
    if any(len(run) > LONGEST_RUN and "".join(run).islower() for run in runs):
        return False
    letters = sum(len(run) for run in runs)
    pairs = [a + b for run in runs for a, b in zip(run.lower(), run.lower()[1:], strict=False)]
    rare = sum(pair[1] not in _FOLLOWERS.get(pair[0], "") for pair in pairs)
    if letters >= LONG:
        return rare <= MAX_RARE_LONG * len(pairs)
    if letters >= SHORT:
        return rare <= MAX_RARE_SHORT * len(pairs)
    return _humps(text) <= letters // 2


def _humps(text: str) -> int:
    """How often a lower-case letter is followed by a capital."""
    return len(re.findall(r"[a-z][A-Z]", text))
