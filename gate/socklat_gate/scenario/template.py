"""``{name}`` in requests: columns of a feeder, variables of a setup, and a few built-in ones.

Bodies are full of braces that mean something else, so that only ``{NAME}`` is a field, with a name
that is known; ``{{NAME}}`` stands for the text ``{NAME}``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

__all__ = [
    "BUILT_IN",
    "NAME",
    "RANDOM_INT",
    "Field",
    "Part",
    "UnknownField",
    "Verbatim",
    "check_name",
    "fields_of",
    "names_in",
    "parts_of",
]

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
BUILT_IN = ("uuid", "seq", "random_int")
RANDOM_INT = "random_int"
_FIELD = re.compile(rf"\{{\{{({NAME}(?::[^{{}}\s]*)?)\}}\}}|\{{({NAME}(?::[^{{}}\s]*)?)\}}")
MAX_DIGITS = 18
NEAR = 0.75
"""Likeness (`difflib`) of a name to a built-in one from which on it is taken for a mistyped one."""
_BOUNDS = re.compile(rf"(-?\d{{1,{MAX_DIGITS}}}):(-?\d{{1,{MAX_DIGITS}}})")


@dataclass(frozen=True, slots=True)
class Field:
    """A place where a value goes; ``low`` and ``high`` are the bounds of a ``random_int``."""

    name: str
    low: int = 0
    high: int = 0


class Verbatim(str):
    """A text in which nothing is a field: the value of a secret."""

    __slots__ = ()


Part = str | Field


class UnknownField(ValueError):
    """A field whose name is not known; ``text`` is what stands in its braces."""

    def __init__(self, text: str, known: Collection[str]) -> None:
        self.text = text
        names = ", ".join(known) or "none"
        built_in = "{uuid}, {seq}, {random_int:LOW:HIGH}"
        near = _nearest(text, known)
        hint = f"; the nearest is {near}" if near else ""
        escape = f"; {{{{{text}}}}} is the text itself" if ":" in text else ""
        super().__init__(
            f"{{{text}}} is no column and no variable: there are {names}, and {built_in}"
            f"{hint}{escape}"
        )


def check_name(name: str) -> None:
    """Raises `ValueError` for what cannot be the name of a column or variable."""
    if not re.fullmatch(NAME, name):
        raise ValueError(
            f"{name!r:.60} cannot be the name of a value, which is made of letters, digits and _"
        )
    if name in BUILT_IN:
        raise ValueError(f"{name} is a built-in field: give it another name")


def parts_of(
    text: str, known: Collection[str], *, strict: bool, in_path: bool = False
) -> tuple[Part, ...]:
    """The texts and fields that ``text`` consists of, in their order; ``known`` beside built-ins.

    What looks like a field and has another name is text, unless ``strict``: then it raises
    `UnknownField`, and ``{{NAME}}`` stands for ``{NAME}`` whatever the name.  So does
    ``{NAME:...}`` always in a path, where no braces are of anything else, and elsewhere where it
    can only be a mistyped built-in one: CSS and GraphQL have the like of it.  Raises `ValueError`
    for a built-in one with wrong bounds.
    """
    if isinstance(text, Verbatim):
        return (text,)
    parts: list[Part] = []
    begun = 0
    literal: list[str] = []
    for match in _FIELD.finditer(text):
        escaped, given = match.groups()
        name = (escaped or given).partition(":")[0]
        is_known = name in BUILT_IN or given in known or escaped in known
        refused = (
            in_path or _mistyped(escaped or given)
            if ":" in (escaped or given)
            else strict or in_path
        )
        if escaped and (is_known or refused):
            literal += [text[begun : match.start()], match.group()[1:-1]]
        elif given and is_known:
            parts += ["".join((*literal, text[begun : match.start()])), _field(given)]
            literal = []
        elif given and refused:
            raise UnknownField(given, known)
        else:
            continue
        begun = match.end()
    parts.append("".join((*literal, text[begun:])))
    return tuple(part for part in parts if part)


def fields_of(parts: Collection[Part]) -> Iterator[Field]:
    """Those of the parts that are fields."""
    return (part for part in parts if isinstance(part, Field))


def names_in(text: object, known: Collection[str]) -> set[str]:
    """The names, of ``known`` ones, of the fields of a text; a secret has none."""
    if not isinstance(text, str):
        return set()
    return {field.name for field in fields_of(parts_of(text, known, strict=False))}


def _mistyped(text: str) -> bool:
    """Whether ``NAME:ARGUMENTS`` has the bounds of a ``random_int``, or nearly a built-in name."""
    name, _, arguments = text.partition(":")
    near = difflib.get_close_matches(name.lower(), BUILT_IN, n=1, cutoff=NEAR)
    return bool(near) or _BOUNDS.fullmatch(arguments) is not None


def _nearest(text: str, known: Collection[str]) -> str:
    """The field that is most like it, as it has to be written; "" where none is."""
    name, _, arguments = text.partition(":")
    if _BOUNDS.fullmatch(arguments):
        return f"{{{RANDOM_INT}:{arguments}}}"
    near = difflib.get_close_matches(name.lower(), [*known, *BUILT_IN], n=1, cutoff=0.6)
    if not near:
        return ""
    return "{random_int:LOW:HIGH}" if near[0] == RANDOM_INT else f"{{{near[0]}}}"


def _field(text: str) -> Field:
    name, colon, arguments = text.partition(":")
    if name != RANDOM_INT:
        if colon and name in BUILT_IN:
            raise ValueError(f"{{{text}}}: {name} has nothing after a colon")
        return Field(name)
    bounds = _BOUNDS.fullmatch(arguments)
    if bounds is None or int(bounds[1]) > int(bounds[2]):
        raise ValueError(
            f"{{{text}}}: {RANDOM_INT} needs its lowest and its highest value, of at most "
            f"{MAX_DIGITS} digits, as in {{random_int:1:1000}}"
        )
    return Field(name, int(bounds[1]), int(bounds[2]))
