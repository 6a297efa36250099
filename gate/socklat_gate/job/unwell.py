"""A candidate that responds to the load and is not well all the same, as its users will find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.pair import ARMS
from socklat_gate.service.reachable import REFUSES

__all__ = ["check_well", "check_well_alone"]


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
                raise _error(label, f"{why}, and not so in the baseline")


def check_well_alone(unwell: Mapping[str, Sequence[str]]) -> None:
    """Raises `InvalidMeasurement` (SERVICE_DIED) for a service that takes no new connections.

    What else a service is not well by may be how it is: there is no other to hold it against.
    """
    for label, found in unwell.items():
        for why in found:
            if _kind(why) == REFUSES:
                raise _error(label, why)


def _error(label: str, why: str) -> InvalidMeasurement:
    return InvalidMeasurement(
        Reason.SERVICE_DIED,
        f"{label}: after the load {why}",
        remedy="start it by hand, send it requests for as long, and look at its log: the "
        "connections and containers that were measured went on",
    )


def _kind(why: str) -> str:
    return why.partition(":")[0]
