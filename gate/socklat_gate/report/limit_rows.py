"""Absolute limits as rows: the candidate's quantile beside its ``limit_ms``."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.verdict import LimitVerdict, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.container_metrics import value_text
from socklat_gate.wording.limit_text import limit_interval
from socklat_gate.wording.outcomes import outcome_text

__all__ = ["LimitRow", "Limits", "limits_section"]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit, every number as text; ``outcome`` is its outcome's plain name."""

    name: str
    candidate: str
    interval: str
    limit: str
    above: str
    below: str
    runs: str
    verdict: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Limits:
    """A row for every limit."""

    rows: tuple[LimitRow, ...]


def limits_section(verdict: Verdict) -> Limits | None:
    """None when nothing has a limit."""
    rows = tuple(map(_row, verdict.limits))
    return Limits(rows) if rows else None


def _row(limit: LimitVerdict) -> LimitRow:
    return LimitRow(
        name=limit.name,
        candidate=value_text(limit.candidate_ns, limit.stage),
        interval=limit_interval(limit),
        limit=value_text(limit.limit_ns, limit.stage),
        above=units.beside_threshold(limit.evidence_fail, limit.threshold_fail),
        below=units.beside_threshold(limit.evidence_pass, limit.threshold_pass),
        runs=units.count(limit.runs),
        verdict=outcome_text(limit.verdict),
        outcome=limit.verdict.value,
    )
