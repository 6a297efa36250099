"""What the fields of a request are filled with: a function of its number in the schedule.

Both arms are asked the same: no value depends on the arm, but those of a setup's variables.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from socklat_gate.scenario.template import Field

if TYPE_CHECKING:
    from socklat_gate.scenario.feeder import Feeder

__all__ = ["Values"]

T = TypeVar("T")

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
UUID = "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}"


class Values:
    """Of one arm; ``seed`` is the schedule's, ``variables`` are what a setup saved for it.

    The rows of ``feeder`` come in a seeded order, each once before one comes again.  ``numbers``
    are those of a worker's requests in the schedule of all workers, by which their values are
    found; None where one sends everything.
    """

    def __init__(
        self,
        seed: int | Sequence[int],
        feeder: Feeder | None = None,
        variables: Mapping[str, str] | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self.variables = variables or {}
        self._numbers = numbers
        self._columns: Mapping[str, Sequence[str]] = feeder.columns if feeder is not None else {}
        # Arrivals, coins and kinds have the first three.
        of_rows, of_numbers = np.random.SeedSequence(seed).spawn(5)[3:]
        rows = feeder.rows if feeder is not None else 0
        order = np.random.Generator(np.random.PCG64(of_rows)).permutation(rows)
        self._order = array("I", order.astype(np.uint32).tobytes())
        self._key = int(of_numbers.generate_state(1, np.uint64)[0])

    def row_of(self, number: int) -> int | None:
        """Which of the feeder's rows a request is filled with, from 0; None without a feeder."""
        if not self._order:
            return None
        if self._numbers is not None:
            number = self._numbers[number]
        return self._order[number % len(self._order)]

    def of(self, field: Field, encode: Callable[[str], T]) -> Callable[[int], T]:
        """What ``encode`` makes of the text, by request number."""
        value = self._by_number(field, encode)
        numbers = self._numbers
        return value if numbers is None else lambda number: value(numbers[number])

    def _by_number(self, field: Field, encode: Callable[[str], T]) -> Callable[[int], T]:
        if field.name in self._columns:
            column, order, rows = self._columns[field.name], self._order, len(self._order)
            in_order = [encode(column[row]) for row in order]
            return lambda number: in_order[number % rows]
        text_of = self._built_in(field)
        return lambda number: encode(text_of(number))

    def _built_in(self, field: Field) -> Callable[[int], str]:
        if field.name == "uuid":
            return self._uuid
        if field.name == "random_int":
            return self._random_int(field.low, field.high)
        assert field.name == "seq", "the scenario checks the names"
        return str

    def _uuid(self, number: int) -> str:
        """A UUID of version 4, by RFC 9562; the same wherever in a request it stands."""
        high, low = _mixed(self._key + 2 * number), _mixed(self._key + 2 * number + 1)
        variant = 0x8000 | (low >> 48) & 0x3FFF
        return UUID.format(
            high >> 32, (high >> 16) & 0xFFFF, high & 0xFFF, variant, low & 0xFFFF_FFFF_FFFF
        )

    def _random_int(self, low: int, high: int) -> Callable[[int], str]:
        """From ``low`` to ``high``; the same wherever in a request these bounds stand."""
        span = high - low + 1
        key = _mixed(self._key ^ _mixed(low & MASK) ^ _mixed(_mixed(high & MASK)))

        def value(number: int) -> str:
            # The upper bits of the product: Lemire, Fast Random Integer Generation (2019).
            return str(low + (_mixed(key + number) * span >> 64))

        return value


def _mixed(state: int) -> int:
    """64 bits that look random, of a counter: SplitMix64 (Steele, Lea and Flood, 2014)."""
    state = (state * GAMMA) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)
