"""The highest rate as rows: both arms beside each other, and round by round."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.capacity import CapacityRound
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording import units
from socklat_gate.wording.carried_text import carried_limits
from socklat_gate.wording.outcomes import outcome_text

__all__ = [
    "Capacity",
    "CapacityRoundRow",
    "CapacityRounds",
    "capacity_rounds_section",
    "capacity_section",
]

MAX_ROUNDS = 40
"""Rows that are listed; ``result.json`` has all."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The metric, every number as text; ``outcome`` is its outcome's plain name.

    ``limits`` says when a rate counts as carried.
    """

    name: str
    baseline: str
    candidate: str
    change: str
    interval: str
    zone: str
    fail: str
    passed: str
    rounds: str
    verdict: str
    outcome: str
    limits: str


@dataclass(frozen=True, slots=True)
class CapacityRoundRow:
    """One round; ``first`` is the arm that was tried first at each step."""

    number: str
    first: str
    baseline: str
    candidate: str
    change: str
    steps: str
    driver: str
    duration: str


@dataclass(frozen=True, slots=True)
class CapacityRounds:
    """The first rounds, and how many more there are."""

    rows: tuple[CapacityRoundRow, ...]
    left_off: int = 0


def capacity_section(verdict: Verdict) -> Capacity | None:
    """None when no metric asks for it."""
    study = verdict.capacity
    if study is None:
        return None
    found, limits = study.verdict, study.limits
    return Capacity(
        name=CAPACITY_RPS,
        baseline=units.per_second(found.baseline_rps),
        candidate=units.per_second(found.candidate_rps),
        change=units.change(found.change),
        interval=units.interval(found.ci_low, found.ci_high),
        zone=f"{units.change(-limits.tolerance)} / {units.change(-limits.threshold)}"
        + (" (waived)" if found.waived else ""),
        fail=units.beside_threshold(found.evidence_fail, found.threshold_fail),
        passed=units.beside_threshold(found.evidence_pass, found.threshold_pass),
        rounds=units.count(found.rounds),
        verdict=outcome_text(found.outcome),
        outcome=found.outcome.value,
        limits=carried_limits(limits),
    )


def capacity_rounds_section(verdict: Verdict) -> CapacityRounds | None:
    """None where no round was measured."""
    rounds = verdict.capacity.rounds if verdict.capacity else ()
    rows = tuple(map(_row, rounds[:MAX_ROUNDS]))
    return CapacityRounds(rows, len(rounds) - len(rows)) if rows else None


def _row(one: CapacityRound) -> CapacityRoundRow:
    # Stored numbers are what somebody wrote.
    change = one.candidate_rps / one.baseline_rps - 1.0 if one.baseline_rps > 0 else float("nan")
    return CapacityRoundRow(
        number=units.count(one.index + 1),
        first=one.first,
        baseline=units.per_second(one.baseline_rps),
        candidate=units.per_second(one.candidate_rps),
        change=units.change(change),
        steps=f"{one.failed_steps} of {one.steps}",
        driver=units.count(one.driver_limited),
        duration=units.duration_s(one.duration_s),
    )
