"""A peer's rule: a score per job, an alarm above a threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.rules.sample import Sample

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """``score`` gives one number per job, larger for slower; above ``default`` is an alarm.

    ``knob`` names the setting that moves the threshold, in words; ``shown`` writes a threshold as
    that setting would be written.
    """

    peer: str
    what: str
    default: float
    knob: str
    shown: Callable[[float], str]
    score: Callable[[Sample], Floats]
