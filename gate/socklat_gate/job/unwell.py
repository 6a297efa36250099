"""A candidate that responds to the load and is not well all the same, as its users will find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.pair import ARMS

__all__ = ["check_well"]


def check_well(unwell: Mapping[str, Sequence[str]]) -> None:
    """Raises `InvalidMeasurement` (SERVICE_DIED) for what is so of the candidate alone.

    ``unwell`` are findings by container, or by its stack (`service.reachable`,
    `service.unhealthy`).  What the baseline does too is how this service is, however it differs
    behind the colon.
    """
    baseline, candidate = ARMS
    usual = {
        _kind(why) for label, found in unwell.items() if label.startswith(baseline) for why in found
    }
    for label, found in unwell.items():
        for why in found if label.startswith(candidate) else ():
            if _kind(why) not in usual:
                raise InvalidMeasurement(
                    Reason.SERVICE_DIED,
                    f"{label}: after the load {why}, and not so in the baseline",
                    remedy="start the candidate by hand, send it requests for as long, and look "
                    "at its log: the connections and containers that were measured went on",
                )


def _kind(why: str) -> str:
    return why.partition(":")[0]
