"""Which named requests a report shows first: those that got slower, then those undecided."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import request_names
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.count_rows import count_outcome
from socklat_gate.wording.change_text import is_incomplete
from socklat_gate.wording.decisive import change_or_lowest, most_evidence
from socklat_gate.wording.metric_names import request_in

__all__ = ["MAX_LISTED", "SEVERITY", "RankedRequest", "listed_requests", "ranked_requests"]

FEW = 5
"""So many requests are all listed."""
MAX_LISTED = 10
"""Of more, at most so many: those that did not pass."""
SEVERITY = (Outcome.REGRESSION, Outcome.INVALID, Outcome.NO_BASELINE, Outcome.INCONCLUSIVE)
"""Outcomes that make a request worth a look, the worst first."""


@dataclass(frozen=True, slots=True)
class RankedRequest:
    """One named request: its share of the load (NaN: not known), and what came of its metrics.

    ``outcome`` is the worst of them, None where no time of it was judged; ``change`` the largest
    change of those with that outcome (-infinity: none is known).  ``incomplete``: some metric is
    slower, and the evidence for it is not enough.
    """

    name: str
    weight: float
    outcome: Outcome | None
    change: float
    improved: bool = False
    incomplete: bool = False


def ranked_requests(arms: Arms, verdict: Verdict | None) -> tuple[RankedRequest, ...]:
    """All names, the worst first; those alike in the order of the scenario.

    Where only all metrics together show a regression, those with most evidence come first.
    """
    runs = [run for _, of_arm in arms for run in of_arm]
    judged = [metric.request for metric in verdict.metrics if metric.request] if verdict else []
    names = dict.fromkeys((*request_names(runs), *judged))
    ranked = [_ranked(name, runs, verdict) for name in names]
    named = [metric.request for metric in most_evidence(verdict)] if verdict else []
    return tuple(sorted(ranked, key=lambda one: (one.name not in named, *_severity(one))))


def listed_requests(ranked: Sequence[RankedRequest]) -> frozenset[str]:
    """Those that are shown openly; the others are folded away where there are many."""
    if len(ranked) <= FEW or all(one.outcome is None for one in ranked):
        return frozenset(one.name for one in ranked[:MAX_LISTED])
    return frozenset(one.name for one in ranked[:MAX_LISTED] if one.outcome in SEVERITY)


def _ranked(name: str, runs: Collection[Run], verdict: Verdict | None) -> RankedRequest:
    weights = [run.requests[name].weight for run in runs if name in run.requests]
    weight = weights[0] if weights else math.nan
    outcomes = set(_outcomes(name, verdict)) if verdict else set()
    if not verdict or not outcomes:
        return RankedRequest(name, weight, None, -math.inf)
    worst = next((one for one in SEVERITY if one in outcomes), Outcome.PASS)
    metrics = [metric for metric in verdict.metrics if metric.request == name]
    changes = [change_or_lowest(metric) for metric in metrics if metric.verdict is worst]
    return RankedRequest(
        name,
        weight,
        worst,
        max(changes, default=-math.inf),
        improved=any(metric.improved for metric in metrics),
        incomplete=any(map(is_incomplete, metrics)),
    )


def _outcomes(name: str, verdict: Verdict) -> Iterator[Outcome]:
    """Of metrics, limits, and counts that do not pass: those that do say nothing of times."""
    yield from (metric.verdict for metric in verdict.metrics if metric.request == name)
    yield from (limit.verdict for limit in verdict.limits if limit.request == name)
    counts = (count_outcome(one) for one in verdict.counts if request_in(one.name) == name)
    yield from (outcome for outcome in counts if outcome is not Outcome.PASS)


def _severity(one: RankedRequest) -> tuple[int, float]:
    if one.outcome is None or one.outcome not in SEVERITY:
        return len(SEVERITY), 0.0
    return SEVERITY.index(one.outcome), -one.change
