"""What the kernel counted beside the load: network counters, packets dropped, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from socklat_gate.report.arm_runs import Arms
from socklat_gate.wording import units

__all__ = ["CounterRow", "Counters", "counters_of"]

MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class CounterRow:
    """A counter that is not zero, with one number an arm."""

    name: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters that are not zero in some arm, most frequent first."""

    arms: tuple[str, ...]
    rows: tuple[CounterRow, ...]


def counters_of(arms: Arms, kind: Literal["network", "drops"]) -> Counters | None:
    """Sums of one kind of counter over the runs of each arm; None when all are zero."""
    arms = [(arm, runs) for arm, runs in arms if runs]
    sums = [_sums(getattr(run, kind) for run in runs) for _, runs in arms]
    found = sorted(_rows(sums), key=lambda row: -row[0])
    if not found:
        return None
    return Counters(tuple(arm for arm, _ in arms), tuple(row for _, row in found[:MAX_ROWS]))


def _sums(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total


def _rows(arms: Sequence[Counter[str]]) -> Iterator[tuple[int, CounterRow]]:
    for name in dict.fromkeys(name for arm in arms for name in arm):
        numbers = [arm[name] for arm in arms]
        if any(numbers):
            yield max(numbers), CounterRow(name, tuple(map(units.count, numbers)))
