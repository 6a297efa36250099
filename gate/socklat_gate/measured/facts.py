"""Why something came out as it did: closed codes and numbers; `wording` makes the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from socklat_gate.errors import Reason
from socklat_gate.measured.pair import Arm

__all__ = ["TEXT", "Lack", "ReasonFact", "Scalar", "Shortfall"]

Scalar = float | int | str | None

TEXT = "text"
"""The number's name under which a fact keeps a sentence: an error's message, an old document's."""


@dataclass(frozen=True, slots=True)
class ReasonFact:
    """One reason of a verdict: its code, what it is about, and the numbers of its sentence.

    ``subject`` is a metric's name, an arm or a list of stages, "" where the code needs none;
    everything else that the sentence needs is in the verdict itself (`wording.reasons`).
    """

    code: Reason
    subject: str = ""
    numbers: Mapping[str, Scalar] = field(default_factory=dict)


class Lack(str, Enum):
    """What a number lacks to be judged."""

    EXCHANGES = "exchanges"
    STAGE = "stage"
    CPU_TIME = "cpu_time"
    RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why one run's number cannot be judged, and which run it is.

    The run is that of an ``arm`` of a ``pair``, or ``run`` (from 0) of the stored ``campaign``
    (from 0; None: of the new one).  For ``EXCHANGES``, ``exceeding`` of ``exchanges`` lie beyond
    the quantile and ``needed`` would be enough.
    """

    lack: Lack
    pair: int | None = None
    arm: Arm | None = None
    campaign: int | None = None
    run: int | None = None
    exceeding: float | None = None
    exchanges: int | None = None
    needed: int | None = None
