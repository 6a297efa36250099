"""The highest rate that is carried: doubling until one is not, then bisection of what is between.

Rates are on a logarithmic scale, so that a step is a ratio.  How a rate is tried is not known here.
"""

from __future__ import annotations

import math

__all__ = ["PRECISION", "Staircase"]

PRECISION = 0.02
"""A bracket is narrow enough when its ends differ by no more than this share."""

FACTOR = 2.0
MARGIN = 1.1
"""Around a rate known from before, the bracket that is tried first."""


class Staircase:
    """One arm's search from ``start_rps``; ``known``: that is about the capacity already.

    ``next_rps`` is the rate to try, None once the bracket is narrow; ``record`` says whether it was
    carried.  Rates lie in [``least_rps``, ``most_rps``]: a search that reaches an end stops there,
    ``at_limit``.  ``precision`` is the width of a bracket that is narrow.
    """

    def __init__(
        self,
        start_rps: float,
        *,
        known: bool = False,
        least_rps: float = 1.0,
        most_rps: float = 200_000.0,
        precision: float = PRECISION,
    ) -> None:
        self._precision = precision
        self._least, self._most = least_rps, most_rps
        self._low: float | None = None  # carried
        self._high: float | None = None  # not carried
        self._factor = MARGIN**2 if known else FACTOR
        self._next: float | None = self._clip(start_rps / MARGIN if known else start_rps)
        self.at_limit = False

    @property
    def next_rps(self) -> float | None:
        """The rate to try."""
        return self._next

    @property
    def estimate_rps(self) -> float:
        """The middle of the bracket; an end of the range where the search stopped there.

        Raises `ValueError` before the search has ended.
        """
        if self._next is not None:
            raise ValueError("the search has not ended")
        if self._low is None or self._high is None:
            return self._least if self._low is None else self._low
        return math.sqrt(self._low * self._high)

    def record(self, *, carried: bool) -> None:
        """The rate ``next_rps`` was carried, or was not."""
        rate = self._next
        assert rate is not None, "the search has ended"
        if carried:
            self._low = rate
        else:
            self._high = rate
        self._next = self._following(rate, carried=carried)

    def _following(self, rate: float, *, carried: bool) -> float | None:
        low, high = self._low, self._high
        if low is not None and high is not None:
            if high / low <= 1.0 + self._precision:
                return None
            return math.sqrt(low * high)
        wanted = rate * self._factor if carried else rate / self._factor
        self._factor = min(FACTOR, self._factor**2)
        found = self._clip(wanted)
        if found == rate:
            self.at_limit = True
            return None
        return found

    def _clip(self, rate: float) -> float:
        return min(self._most, max(self._least, rate))
