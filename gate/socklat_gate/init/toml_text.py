"""Values as TOML that people can read."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["toml"]

LITERAL = "'''"


def toml(value: str | float | bool | list[str] | Mapping[str, str]) -> str:
    """A string, a number, a truth value, an array or an inline table of strings, in TOML.

    A string of several lines stands as it is where that is possible.
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int):
        return f"{value:.6g}"
    if "\n" in value and LITERAL not in value and not value.endswith("'") and _plain(value):
        return f"{LITERAL}\n{value}{LITERAL}"
    # JSON's escapes are TOML's, but for DEL; half a pair of surrogates is no character of either.
    text = value.encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> bool:
    return all(mark in "\n\t" or mark.isprintable() for mark in text)
