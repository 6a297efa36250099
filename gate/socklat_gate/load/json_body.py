"""Bodies that are JSON, and the places in them where a value is a part of a string."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from socklat_gate.scenario.template import Field, Part

if TYPE_CHECKING:
    from socklat_gate.scenario.secret import Shown

__all__ = ["in_strings", "json_text", "said_to_be_json"]

_JSON_TYPE = re.compile(r"\s*(application/json|text/json|[^;\s]+\+json)\s*(;|$)", re.IGNORECASE)
_STANDS_FOR = "1"
"""What a place holds while it is found out whether the body is JSON: in a string, or a number."""
_QUOTE_OR_ESCAPE = re.compile(r'\\.|"', re.DOTALL)


def said_to_be_json(headers: Mapping[str, Shown]) -> bool | None:
    """Whether a body is said to be JSON (True) or something else (False); None: nothing is said."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            return _JSON_TYPE.match(str(value)) is not None
    return None


def in_strings(parts: Sequence[Part], *, said: bool | None) -> list[bool]:
    """For each part, whether it is a field within a string of a JSON document.

    All False for what is no JSON; where nothing is ``said`` about it, JSON is an object or an
    array.
    """
    nothing = [False] * len(parts)
    if said is False or not any(isinstance(part, Field) for part in parts):
        return nothing
    text = "".join(_STANDS_FOR if isinstance(part, Field) else part for part in parts)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return nothing
    if said is None and not isinstance(document, dict | list):
        return nothing
    found = []
    within = False
    for part in parts:
        found.append(within and isinstance(part, Field))
        if not isinstance(part, Field):
            quotes = sum(match.group() == '"' for match in _QUOTE_OR_ESCAPE.finditer(part))
            within ^= bool(quotes % 2)
    return found


def json_text(text: str) -> str:
    """``text`` as it has to stand within the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
