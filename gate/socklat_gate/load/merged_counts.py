"""What several workers counted, as one driver would have counted it.

Sums and histograms add up exactly.  A quantile does not follow from those of the parts: each worker
sends the largest of its values, as many as can lie above the quantile of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts, StreamCounts

__all__ = ["QUANTILE", "Part", "Tail", "merge_counts", "p99_of"]

QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class Tail:
    """The ``largest`` of ``many`` values, ascending."""

    many: int
    largest: tuple[int, ...]

    @classmethod
    def of(cls, values: npt.NDArray[np.int64], of_all: int) -> Tail:
        """Enough of ``values`` for the quantile of ``of_all`` values or fewer, these among them."""
        keep = min(values.size, _above(of_all) + 1)
        return cls(int(values.size), tuple(np.sort(values)[values.size - keep :].tolist()))


@dataclass(frozen=True, slots=True)
class Part:
    """Counts of one worker's share of an arm, with the tails of their two quantiles.

    ``late`` and ``lag`` are what ``late_p99_ns`` and ``lag_p99_ns`` come of; ``first_is_warmup``:
    ``first_error`` is of the warm-up.
    """

    counts: LoadCounts
    late: Tail
    lag: Tail
    first_is_warmup: bool = False


def p99_of(tails: Iterable[Tail]) -> int:
    """The 0.99-quantile (numpy's "higher") of all values; 0 of none."""
    every = tuple(tails)
    many = sum(tail.many for tail in every)
    if not many:
        return 0
    return sorted(value for tail in every for value in tail.largest)[-1 - _above(many)]


def _above(many: int) -> int:
    """How many of so many values lie above their quantile, rounded as numpy does it."""
    return max(0, many - 1 - math.ceil((many - 1) * QUANTILE))


def merge_counts(parts: Sequence[Part]) -> LoadCounts:
    """Counts of an arm from all shares of it.

    The first error is one of the window, where a worker had one there: the first worker's.  With
    a connection for each request ``grown`` is the sum of what each worker had at its busiest.
    """
    if len(parts) == 1:
        return parts[0].counts
    by_worth = sorted(parts, key=lambda part: part.first_is_warmup)
    total: LoadCounts = _sum([part.counts for part in parts])
    return replace(
        total,
        late_p99_ns=p99_of(part.late for part in parts),
        lag_p99_ns=p99_of(part.lag for part in parts),
        first_error=_first([part.counts.first_error for part in by_worth]),
    )


def _sum(values: Sequence[Any]) -> Any:
    """Member by member, so that none can be forgotten; `TypeError` for what has no sum."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    for kind, add in _ADD.items():
        if isinstance(known[0], kind):
            return add(known)
    first = known[0]
    if not is_dataclass(first) or isinstance(first, type):
        raise TypeError(f"{type(first).__name__} has no sum")
    members = (field.name for field in fields(first))
    return replace(first, **{name: _sum([getattr(one, name) for one in known]) for name in members})


def _by_key(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for one in mappings for name in one)
    return {name: _sum([one.get(name) for one in mappings]) for name in names}


def _streams(every: Sequence[StreamCounts]) -> StreamCounts:
    """All workers ask for as many on each connection."""
    return StreamCounts(
        asked=every[0].asked,
        allowed=min(one.allowed for one in every),
        most=max(one.most for one in every),
    )


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


_ADD: dict[type, Callable[[Sequence[Any]], Any]] = {
    bool: any,  # before int, which it is, too
    int: sum,
    str: _first,
    Histogram: Histogram.merged,
    Mapping: _by_key,
    StreamCounts: _streams,
}
