"""TLS handshakes of each arm, which are no exchanges, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run
from socklat_gate.report.arm_runs import Arms
from socklat_gate.wording import units

__all__ = ["HandshakeRow", "Handshakes", "handshakes_by_arm", "handshakes_section"]


@dataclass(frozen=True, slots=True)
class HandshakeRow:
    """Those of one arm, from a connection's first byte on."""

    arm: str
    number: str
    p50: str
    p99: str


@dataclass(frozen=True, slots=True)
class Handshakes:
    """A row for every arm that has some."""

    rows: tuple[HandshakeRow, ...]


def handshakes_by_arm(arms: Arms) -> dict[str, Histogram]:
    """Times over all runs, of the arms whose load speaks TLS."""
    found = {arm: _merged(runs) for arm, runs in arms}
    return {arm: times for arm, times in found.items() if times is not None}


def handshakes_section(arms: Arms) -> Handshakes | None:
    """None without TLS."""
    rows = tuple(_row(arm, times) for arm, times in handshakes_by_arm(arms).items())
    return Handshakes(rows) if rows else None


def _merged(runs: Sequence[Run]) -> Histogram | None:
    known = [run.load.handshakes for run in runs if run.load.handshakes is not None]
    return Histogram.merged(known) if known else None


def _row(arm: str, times: Histogram) -> HandshakeRow:
    p50, p99 = map(units.ns, times.quantiles_ns([0.5, 0.99]))
    return HandshakeRow(arm, units.count(times.total), p50, p99)
