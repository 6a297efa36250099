"""Counts of both arms as rows: failed requests, overload, connections."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.verdict import CountVerdict, Outcome, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.count_text import count_of_total
from socklat_gate.wording.outcomes import outcome_text

__all__ = ["CountRow", "Counts", "count_outcome", "counts_section"]


@dataclass(frozen=True, slots=True)
class CountRow:
    """One count, every number as text; ``unit`` is how pairs are compared."""

    name: str
    baseline: str
    candidate: str
    evidence: str
    unit: str
    mde: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Counts:
    """A row for every count that was judged."""

    rows: tuple[CountRow, ...]


def counts_section(verdict: Verdict) -> Counts | None:
    """None when no count was judged."""
    rows = tuple(map(_row, verdict.counts))
    return Counts(rows) if rows else None


def count_outcome(count: CountVerdict) -> Outcome:
    """What a count comes to by itself; one that nothing is known of is open."""
    if count.failed:
        return Outcome.REGRESSION
    known = count.baseline_total and count.candidate_total
    return Outcome.INCONCLUSIVE if count.undecided or not known else Outcome.PASS


def _row(count: CountVerdict) -> CountRow:
    waived = " (waived)" if count.waived else ""
    return CountRow(
        name=count.name,
        baseline=count_of_total(count.name, count.baseline_count, count.baseline_total),
        candidate=count_of_total(count.name, count.candidate_count, count.candidate_total),
        evidence=f"{units.beside_threshold(count.evidence, count.threshold)}{waived}",
        unit="pairs" if count.by_runs else "events",
        mde=_mde(count),
        verdict=outcome_text(count_outcome(count)),
    )


def _mde(count: CountVerdict) -> str:
    if count.mde_count is None:
        return "n/a"
    return count_of_total(count.name, count.mde_count, count.candidate_total)
