"""The gate's rule replayed on recorded pairs: error rates, power and time, as markdown.

python -m tests.benchmarks.replay [--jobs 10000] [--seed 1] [--directory DIR]
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate
from socklat_gate.verdict.decide import decide
from tests.benchmarks.jobs import (
    Decided,
    Draw,
    Table,
    as_pairs,
    budget_pairs,
    decide_jobs,
    draw,
    table,
)
from tests.benchmarks.recorded import Facts, load

__all__ = [
    "ATTRIBUTED",
    "CHECKED",
    "Replayed",
    "disagreements",
    "exact",
    "replay",
    "stages_named",
]

CHECKED = 50
ATTRIBUTED = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """A set with its jobs: as recorded and, when the arms are equal, with the arms swapped.

    ``seconds`` is what a usable pair costs, those excluded included; ``budget`` counts pairs.
    """

    facts: Facts
    pairs: tuple[Pair, ...]
    excluded: int
    seconds: float
    budget: int
    known: Table
    jobs: Draw
    decided: Decided
    swapped: Decided | None


def replay(path: Path, jobs: int, seed: int, rules: Gate | None = None) -> Replayed:
    """Replays one recorded set; ``rules`` decide instead of those that it was recorded with.

    Raises `ValueError` when none of its pairs can be used.
    """
    recorded = load(path)
    used = tuple(pair for pair in recorded.pairs if not pair.excluded)
    if not used:
        raise ValueError(f"{path.name} has no usable pair")
    facts, gate = recorded.facts, rules or recorded.facts.rules()
    seconds = facts.seconds_per_pair * len(recorded.pairs) / len(used)
    budget = budget_pairs(gate, seconds)
    known = table(used, gate)
    drawn = draw(len(used), jobs, budget, seed, swap=False)
    swapped = None
    if facts.kind == "same":
        swapped = decide_jobs(known, draw(len(used), jobs, budget, seed, swap=True))
    return Replayed(
        facts=facts,
        pairs=used,
        excluded=len(recorded.pairs) - len(used),
        seconds=seconds,
        budget=budget,
        known=known,
        jobs=drawn,
        decided=decide_jobs(known, drawn),
        swapped=swapped,
    )


def disagreements(done: Replayed, count: int = CHECKED) -> list[int]:
    """Jobs among the first ``count`` in which `verdict.decide.decide` ends otherwise.

    Once reached, evidence stays: the verdict at the end and the look before it tell everything.
    """
    gate = done.known.gate
    wrong = []
    for job in range(min(count, done.jobs.index.shape[0])):
        end = done.decided.ended_at[job]
        seen = int(min(end, done.budget))
        last, before = (
            decide(as_pairs(done.pairs, done.jobs, job, pairs), gate).outcome
            for pairs in (seen, seen - 1)
        )
        if done.decided.failed[job]:
            expected = Outcome.REGRESSION
        else:
            expected = Outcome.PASS if done.decided.passed[job] else Outcome.INCONCLUSIVE
        if last is not expected or before is not Outcome.INCONCLUSIVE:
            wrong.append(job)
    return wrong


def stages_named(done: Replayed, count: int = ATTRIBUTED) -> dict[str, int]:
    """Of the first ``count`` failed jobs: how many named the right stage, another, none.

    What the slice says that the change was injected into, or the spikes where they failed; where
    no stage is expected, none is right.
    """
    found = {"right": 0, "other": 0, "none": 0}
    for job in np.flatnonzero(done.decided.failed)[:count]:
        seen = int(done.decided.fail_at[job])
        pairs = as_pairs(done.pairs, done.jobs, int(job), seen)
        verdict = decide(pairs, done.known.gate)
        stage = next(part.stage for part in verdict.attribution if part.slice == done.facts.slice)
        if verdict.spikes and verdict.spikes.failed:
            stage = verdict.spikes.stage or stage
        right = stage == (done.facts.stage or None)
        found["right" if right else "other" if stage else "none"] += 1
    return found


def exact(done: Replayed) -> bool:
    """Whether the set's limit for spikes is that of each of its jobs."""
    return done.known.spikes is None or done.known.spikes.steady
