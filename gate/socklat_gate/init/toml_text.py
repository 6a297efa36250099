"""Values as TOML that people can read."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["toml"]

LITERAL = "'''"


def toml(value: str | float | bool | list[str] | list[int] | Mapping[str, str]) -> str:
    """A string, a number, a truth value, an array of these or an inline table of strings, in TOML.

    A string of several lines, or with quotes, stands as it is where that is possible.
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _string(value) if isinstance(value, str) else f"{value:.6g}"


def _string(text: str) -> str:
    if "\n" in text and LITERAL not in text and not text.endswith("'") and _plain(text):
        return f"{LITERAL}\n{text}{LITERAL}"
    if ('"' in text or "\\" in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    # JSON's escapes are TOML's, but for DEL; half a pair of surrogates is no character of either.
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> bool:
    return all(mark in "\n\t" or mark.isprintable() for mark in text)
