"""What tells apart the jobs of a run that measure the same scenario: machines, say."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

__all__ = ["AUTO", "key_of"]

AUTO = "auto"
OFF = "off"
MOST = 60
JOINT = "_"
OTHERS = re.compile(r"[^A-Za-z0-9._-]+")


def key_of(given: str, matrix: str) -> str:
    """A word of letters, digits and ``-._``; empty where there is nothing to tell apart.

    ``given`` is the workflow's own key, "off", or "auto": then that of the job's ``matrix``, which
    is JSON, "null" or empty.  Two texts never become one word.
    """
    if given == OFF:
        return ""
    return _word([given] if given and given != AUTO else _values(_parsed(matrix)))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _values(value: Any) -> list[str]:
    """The matrix's values in its own order, as the name of the job has them."""
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return [text for one in inner for text in _values(one)]
    if value is None:
        return [""]
    return [value if isinstance(value, str) else json.dumps(value)]


def _word(texts: list[str]) -> str:
    if not any(texts):
        return ""
    plain = JOINT.join(filter(None, texts))
    word = OTHERS.sub("-", plain).strip("-.")[:MOST]
    # Of several values one may be empty, or have what they are joined by.
    one_way = len(texts) == 1 or all(text and JOINT not in text for text in texts)
    if word == plain and one_way:
        return word
    digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:8]
    return f"{word}-{digest}".lstrip("-")
