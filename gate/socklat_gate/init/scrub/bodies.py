"""Bodies with their shape and without their values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from socklat_gate.init.scrub.values import SAFE_WORDS, Kind, kind_of, placeholder
from socklat_gate.init.scrub.words import is_key
from socklat_gate.masking import looks_secret

__all__ = ["filler_body", "form_body", "form_fields", "json_body", "shape_of"]

MAX_DEPTH = 32
MAX_NODES = 20_000
MOST_FIELDS = 200
MAX_FILLER = 65_536


class _TooDeep(ValueError):
    """A body with more levels or values than are looked at."""


def json_body(text: str) -> str | None:
    """The JSON in ``text`` with other values of the same lengths; None when it is none."""
    try:
        return json.dumps(shape_of(json.loads(text)), separators=(",", ":"))
    except (ValueError, RecursionError):
        return None


def shape_of(value: Any, leaf: Callable[[str | float], Any] | None = None) -> Any:
    """``value`` with its keys that read like names, and ``leaf`` of each text and number.

    Without ``leaf``, and below a key that looks secret, that is a placeholder of the same length.
    Raises `ValueError` above `MAX_DEPTH` or `MAX_NODES`.
    """
    return _Shape(leaf or _replaced).of(value, 0)


def form_body(fields: Iterable[tuple[str, str]]) -> str:
    """``application/x-www-form-urlencoded`` of the fields, with other values."""
    kept = []
    for number, (key, value) in enumerate(fields):
        if number >= MOST_FIELDS:
            break
        name = key if is_key(key) else f"key{number + 1}"
        kept.append(f"{quote(name, safe='[]')}={quote(_text(value), safe='{}:@')}")
    return "&".join(kept)


def form_fields(text: str) -> list[tuple[str, str]]:
    """The fields of an encoded form; none of what is no form."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []


def filler_body(size: int) -> str:
    """JSON of ``size`` bytes at most `MAX_FILLER`, where only the size is known."""
    frame = '{"placeholder":""}'
    room = min(size, MAX_FILLER) - len(frame)
    return "{}" if room < 0 else f'{{"placeholder":"{"x" * room}"}}'


class _Shape:
    """One pass over a value, which counts what it visits."""

    def __init__(self, leaf: Callable[[str | float], Any]) -> None:
        self._leaf = leaf
        self._left = MAX_NODES

    def of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise _TooDeep("too many levels or values")
        if isinstance(value, Mapping):
            return {
                key if isinstance(key, str) and is_key(key) else f"key{number}": self._member(
                    str(key), one, depth + 1
                )
                for number, (key, one) in enumerate(value.items(), 1)
            }
        if isinstance(value, list):
            return [self.of(one, depth + 1) for one in value]
        if value is None or isinstance(value, bool):
            return value
        return self._leaf(value) if isinstance(value, str | int | float) else None

    def _member(self, key: str, value: Any, depth: int) -> Any:
        usual = self._leaf
        if looks_secret(key):
            self._leaf = _replaced
        try:
            return self.of(value, depth)
        finally:
            self._leaf = usual


def _replaced(value: str | float) -> str | float:
    return _text(value) if isinstance(value, str) else _number(value)


def _text(value: str) -> str:
    if value.lower() in SAFE_WORDS:
        return value
    kind = kind_of(value)
    if kind is Kind.INTEGER:
        kind = Kind.DIGITS
    return placeholder(Kind.TOKEN if kind is Kind.WORD else kind, value)


def _number(value: float) -> float:
    text = repr(value)
    if not all(mark.isdigit() or mark in ".-" for mark in text):
        return 1.5
    changed = placeholder(Kind.DIGITS, text)
    return float(changed) if isinstance(value, float) else int(changed)
