"""A candidate whose open connections respond, and which takes no new ones, serves nobody else."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.errors import InvalidMeasurement, Reason

__all__ = ["check_reachable"]


def check_reachable(unreachable: Mapping[str, str]) -> None:
    """Raises `InvalidMeasurement` (SERVICE_DIED) for containers of the candidate alone.

    ``unreachable`` are reasons by container (`service.reachable`).  What the baseline does too is
    how this service is.
    """
    mine = {label: why for label, why in unreachable.items() if label.startswith("candidate")}
    if not mine or len(mine) < len(unreachable):
        return
    label, why = next(iter(mine.items()))
    raise InvalidMeasurement(
        Reason.SERVICE_DIED,
        f"{label}: after the load, {why}; the baseline takes new connections, and the load's own "
        "had been opened before",
        remedy="find out what ends the candidate's listener while it serves (a crashed acceptor, "
        "too many open files), or why it refuses clients",
    )
