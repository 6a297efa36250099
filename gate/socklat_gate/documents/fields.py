"""Checked access to decoded JSON: the type and bounds of one value, and where it stands.

Stored files come from other machines, so nothing about them is taken for granted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn

from socklat_gate.errors import NoUsableBaseline, Reason

__all__ = ["Field"]

MAX_INTEGER = (1 << 64) - 1
MAX_TEXT = 1 << 16
MAX_ITEMS = 100_000
MAX_SHOWN = 40


@dataclass(slots=True)
class Field:
    """A JSON value and where it stands: in which other value, as which member or element.

    Every method raises `NoUsableBaseline` (baseline_corrupt) that names the path.
    """

    value: object
    parent: Field | None = None
    place: str | int = ""

    @property
    def path(self) -> str:
        """The way to this value from the body, for instance ``runs[2].load.sent``."""
        if self.parent is None:
            return ""
        before = self.parent.path
        if isinstance(self.place, int):
            return f"{before}[{self.place}]"
        return f"{before}{'.' if before else ''}{self.place[:MAX_SHOWN]}"

    def refuse(self, expected: str) -> NoReturn:
        """Refuse this value."""
        text = repr(self.value)[:MAX_SHOWN] if isinstance(self.value, (str, int, float)) else ""
        got = f"{type(self.value).__name__} {text}".rstrip()
        raise NoUsableBaseline(
            Reason.BASELINE_CORRUPT,
            f"field {self.path or 'body'}: expected {expected}, got {got}",
            remedy="restore the file from where it was saved, or measure and save it again",
        )

    def integer(self, highest: int = MAX_INTEGER) -> int:
        """An integer in [0, highest]."""
        if type(self.value) is not int or not 0 <= self.value <= highest:
            self.refuse(f"an integer from 0 to {highest}")
        return self.value

    def number(self, lowest: float = -math.inf) -> float:
        """A finite number of at least ``lowest``."""
        if type(self.value) not in (int, float):
            self.refuse("a number")
        assert isinstance(self.value, (int, float))
        # An integer beyond 2^64 may not fit into a float at all.
        if type(self.value) is int and abs(self.value) > MAX_INTEGER:
            self.refuse("a number of ordinary size")
        number = float(self.value)
        if not math.isfinite(number) or number < lowest:
            self.refuse("a finite number" + (f" from {lowest:g} on" if lowest > -math.inf else ""))
        return number

    def boolean(self) -> bool:
        """True or false."""
        if type(self.value) is not bool:
            self.refuse("true or false")
        return self.value

    def text(self, longest: int = MAX_TEXT) -> str:
        """Text of at most ``longest`` characters."""
        if type(self.value) is not str or len(self.value) > longest:
            self.refuse(f"text of at most {longest} characters")
        return self.value

    def items(self, most: int = MAX_ITEMS) -> list[Field]:
        """The elements of a list of at most ``most``."""
        if not isinstance(self.value, list) or len(self.value) > most:
            self.refuse(f"a list of at most {most} elements")
        return [Field(item, self, at) for at, item in enumerate(self.value)]

    def members(self, most: int = MAX_ITEMS) -> dict[str, Field]:
        """The members of an object of at most ``most``."""
        if not isinstance(self.value, dict) or len(self.value) > most:
            self.refuse(f"an object of at most {most} members")
        return {name: Field(item, self, name) for name, item in self.value.items()}
