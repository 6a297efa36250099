"""Five hundred hostile texts, and a way to put each into every text of a result."""

from __future__ import annotations

import random
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar

from socklat_gate.documents.codec import hints_of
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Bands
from tests.unit.report.hostile import TEXTS

__all__ = ["flood", "with_text"]

Kind = TypeVar("Kind")

FRAGMENTS = [
    *("[", "]", "(", ")", "](", "![", "[x](https://evil.example)", "[^1]", "[ref]: /x"),
    *("<", ">", "</", "<b>", "<img src=//x>", "<!--", "-->", "<details>", "</summary>", "<?x?>"),
    *("https://evil.example", "http:", "//evil.example", "www.evil.example", "a@evil.example"),
    *("mailto:", "xmpp:", "ftp://evil", "@maintainer", "@org/team", "#123", "org/repo#9", "GH-7"),
    *("0123456789abcdef0123456789abcdef01234567", "o/r@deadbeef1", "1234567", ":octocat:", ":+1:"),
    *("::error file=a::b", "::stop-commands::x", "##[error]x", "##[add-mask]y", "%0A", "%0D%0A"),
    *("|", "\\|", "||", "`", "``", "```", "~~~", "~", "\\", "\\`", "*", "**", "_", "__", "~~"),
    *("#", "##", "===", "---", "- ", "+ ", "1. ", "> ", "    ", "\t", "$", "$$", "&", "&lt;"),
    *("&#60;", "&#x3c;", "&amp;#35;1", "{{", "}}", "{%", "%}", "{#", ";", ":", "::", "/"),
    *("\n", "\n\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x00", "\x07"),
    *("\x1b[31m", "\x1b]0;t\x07", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad"),
    *("\ud800", "\U000e0041", "\ufffe", "\U0001f600", "\u0301", "x", "word", "p99", " ", "0"),
]
MEGABYTE = 1 << 20


def flood(number: int, seed: int = 5) -> list[str]:
    """``number`` different texts, the same for the same seed; some of them of 1 MB."""
    rng = random.Random(seed)
    texts = dict.fromkeys(TEXTS)
    for fragment in FRAGMENTS:
        texts[fragment] = None
    while len(texts) < number - 4:
        texts["".join(rng.choices(FRAGMENTS, k=rng.randint(2, 12)))] = None
    for fragment in ("@maintainer ", "[x](https://evil.example)", "\n\n# x\n", "|`<b>"):
        texts[fragment * (MEGABYTE // len(fragment))] = None
    return list(texts)[-number:]


def with_text(value: Kind, text: str) -> Kind:
    """The same object with ``text`` in place of every text in it that is free, keys included.

    What has a closed list of values stays; names of stages that the code looks for stay beside the
    text.
    """
    replaced: Kind = _replaced(type(value), value, text)
    return replaced


def _replaced(hint: Any, value: Any, text: str) -> Any:
    origin, arms = typing.get_origin(hint), typing.get_args(hint)
    closed = value is None or isinstance(value, (Enum, bool, Bands, Histogram))
    if closed or origin is Literal:
        return value
    if origin in (typing.Union, types.UnionType):
        (hint,) = (arm for arm in arms if arm is not type(None))
        return _replaced(hint, value, text)
    if origin is tuple:
        hints = [arms[0]] * len(value) if arms[-1] is Ellipsis else arms
        return tuple(_replaced(arm, item, text) for arm, item in zip(hints, value, strict=True))
    if isinstance(value, Mapping):
        items = {key: _replaced(arms[1], item, text) for key, item in value.items()}
        return {**items, text: next(iter(items.values()))} if items else {}
    if is_dataclass(value) and not isinstance(value, type):
        hints = hints_of(type(value))
        changed = {
            f.name: _replaced(hints[f.name], getattr(value, f.name), text) for f in fields(value)
        }
        return type(value)(**changed)
    return text if isinstance(value, str) else value
