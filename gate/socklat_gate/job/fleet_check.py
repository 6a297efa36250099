"""Whether all that replicas did was recorded: exchanges of each beside its driver's count."""

from __future__ import annotations

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.completeness import MAX_LOSS
from socklat_gate.measured.load_counts import LoadCounts

__all__ = ["check_recorded", "enough_recorded"]

FEW = 2
"""Of a light load so many are more than `MAX_LOSS`, and no sign of a probe that does not see."""


def enough_recorded(exchanges: int, counts: LoadCounts) -> bool:
    """Whether the probe's exchanges are those that the driver got responses to.

    More of them are somebody else's requests, which hide none.
    """
    return counts.responded - exchanges <= max(FEW, MAX_LOSS * counts.responded)


def check_recorded(name: str, exchanges: int, counts: LoadCounts) -> None:
    """Raises `InvalidMeasurement` (EVENTS_LOST) when responses of replica ``name`` were not seen.

    A stop among those would be missed.
    """
    if enough_recorded(exchanges, counts):
        return
    raise InvalidMeasurement(
        Reason.EVENTS_LOST,
        f"{name} of the watch: the kernel saw {exchanges} of the {counts.responded} responses that "
        "the load driver got",
        remedy="is service.port the port that responds? Does the machine leave the gate enough "
        "CPU time to empty the probe's log? gate.watch = { minutes = 0 } goes without the watch",
    )
