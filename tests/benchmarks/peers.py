"""The rules of other gates on the same recorded pairs: scores, thresholds, who is ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from socklat_gate.scenario import Gate
from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.jobs import decide_jobs, draw, table
from tests.benchmarks.recorded import Facts, load
from tests.benchmarks.rules.otava import OTAVA
from tests.benchmarks.rules.rule import Rule
from tests.benchmarks.rules.sample import requests_of, samples

__all__ = ["FALSE_ALARMS", "Scored", "ahead", "rate", "score_set", "strict_gate", "tuned"]

FALSE_ALARMS = 0.01
OTAVA_JOBS = 300
"""Otava takes some 100 ms a job."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One set at one number of pairs: every rule's scores, shape (jobs,), and our FAIL rates.

    ``strict`` is ours with nothing tolerated, ``tolerated`` whether the median change of every
    metric lies within its tolerance, so that the gate is meant to accept it.
    """

    facts: Facts
    scores: Mapping[str, Floats]
    ours: float
    strict: float
    tolerated: bool

    @property
    def service(self) -> str:
        """What the set's name begins with; sets of one service share their thresholds."""
        return self.facts.set.split("-", maxsplit=1)[0]


def score_set(
    path: Path, rules: Sequence[Rule], jobs: int, sizes: Sequence[int], seed: int
) -> list[Scored]:
    """The set with jobs of each size; where nothing changed, a coin swaps the arms of each pair."""
    recorded = load(path)
    pairs = [pair for pair in recorded.pairs if not pair.excluded]
    gate = recorded.facts.rules()
    known, strict, requests = (
        table(pairs, gate),
        table(pairs, strict_gate(gate)),
        requests_of(pairs),
    )
    tolerated = all(
        usable.any() and np.median(row[usable]) <= np.log1p(metric.tolerance)
        for metric, row, usable in zip(gate.metrics, known.log_ratios, known.usable, strict=True)
    )
    drawn = draw(len(pairs), jobs, max(sizes), seed, swap=recorded.facts.kind == "same")
    found = []
    for size in sizes:
        these = drawn.first(size)
        parts: dict[str, list[Floats]] = {rule.peer: [] for rule in rules}
        done = 0
        for sample in samples(requests, these):
            for rule in rules:
                if rule.peer != OTAVA or done < OTAVA_JOBS:
                    parts[rule.peer].append(rule.score(sample))
            done += sample.baseline.shape[0]
        scores = {peer: np.concatenate(part) for peer, part in parts.items()}
        rates = [float(decide_jobs(one, these).failed.mean()) for one in (known, strict)]
        found.append(Scored(recorded.facts, scores, rates[0], rates[1], tolerated))
    return found


NOTHING = 1e-9
"""Tolerated by a strict gate: 0 would mean that the metric is not compared."""


def strict_gate(gate: Gate) -> Gate:
    """The same gate with nothing tolerated: every zone keeps its width and begins at no change."""
    metrics = [
        metric.model_copy(
            update={
                "tolerance": NOTHING,
                "regression_threshold": (1 + metric.regression_threshold) / (1 + metric.tolerance)
                - 1,
            }
        )
        for metric in gate.metrics
    ]
    return gate.model_copy(update={"metrics": metrics})


def tuned(sets: Sequence[Scored], rule: Rule) -> dict[str, float]:
    """Per service, the threshold at which 1% of its jobs without a change alarm; "" for all.

    It is taken from the very jobs that it is then held against, which favours the rule.
    """
    same = [done for done in sets if done.facts.kind == "same"]
    by_service = {
        done.service: float(np.quantile(done.scores[rule.peer], 1 - FALSE_ALARMS, method="higher"))
        for done in same
    }
    return {**by_service, "": max(by_service.values(), default=rule.default)}


def rate(done: Scored, rule: Rule, threshold: float) -> float:
    """Share of the jobs that alarm."""
    return float((done.scores[rule.peer] > threshold).mean())


def ahead(sets: Sequence[Scored], rules: Sequence[Rule], margin: float = 0.01) -> list[str]:
    """Rules that, tuned to 1% false alarms, find a change more often than we do: rule and set."""
    found = []
    for rule in rules:
        limits = tuned(sets, rule)
        for done in sets:
            theirs = rate(done, rule, limits.get(done.service, limits[""]))
            if done.facts.kind == "effect" and theirs > done.ours + margin:
                found.append(
                    f"{rule.peer} on {done.facts.set} ({theirs:.0%}; ours {done.ours:.0%}, with "
                    f"nothing tolerated {done.strict:.0%}"
                    + (", a change that it is meant to accept)" if done.tolerated else ")")
                )
    return found
