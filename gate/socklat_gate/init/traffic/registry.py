"""All kinds of files that `init` makes requests of: one module and one line here each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.traffic.access_log import ACCESS_LOG
from socklat_gate.init.traffic.har import HAR
from socklat_gate.init.traffic.openapi import OPENAPI
from socklat_gate.init.traffic.proposal import Proposal
from socklat_gate.init.traffic.source import OnBytes, TrafficSource

__all__ = ["SOURCES", "read_proposal"]

SOURCES: tuple[TrafficSource, ...] = (OPENAPI, HAR, ACCESS_LOG)


def read_proposal(
    files: Mapping[str, Path | None], most: int, on_bytes: OnBytes
) -> Proposal | None:
    """The requests of the one file that is given, by the parameter of its source; None for none.

    Raises `UsageError` (BAD_ARGUMENT) for two, and as `TrafficSource` says.
    """
    given = [one for one in SOURCES if files.get(one.parameter) is not None]
    if len(given) > 1:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{given[0].option} and {given[1].option} are both given",
            remedy="make a scenario of each with --out, and put together what you want of both",
        )
    for source in given:
        path = files[source.parameter]
        assert path is not None, "only those that are given are here"
        return source.read(path, most, on_bytes)
    return None
