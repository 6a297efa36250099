"""Named requests, handshakes and the join in numbers, by arm: for formats that machines read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, RequestCounts
from socklat_gate.measured.run import Join, Mismatch, Run
from socklat_gate.measured.run_values import request_names
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.request_parts import is_corrected, request_arms, shown_histogram

__all__ = ["RequestNumbers", "join_of", "request_numbers", "weight_of"]

MAX_MISMATCHES = 10


@dataclass(frozen=True, slots=True)
class RequestNumbers:
    """One request of one arm, over its runs in use.

    ``counts`` are the driver's (None: not known); ``exchanges`` and ``spikes`` the probe's, and
    ``stages`` their distributions, without stalls for those in ``corrected``.
    """

    request: str
    arm: str
    counts: RequestCounts | None
    exchanges: int
    spikes: int
    stages: dict[str, Histogram]
    corrected: frozenset[str]


def request_numbers(arms: Arms, names: Iterable[str] | None = None) -> Iterator[RequestNumbers]:
    """Of these names, or of every one, of every arm that has it."""
    every = request_names(run for _, runs in arms for run in runs)
    for name in every if names is None else names:
        parts = dict(request_arms(arms, name))
        for arm, runs in arms:
            counts = [run.load.requests[name] for run in runs if name in run.load.requests]
            found = [run.requests[name] for run in runs if name in run.requests]
            if found or counts:
                stages = dict.fromkeys(stage for part in parts[arm] for stage in part.histograms)
                yield RequestNumbers(
                    name,
                    arm,
                    _merged(counts),
                    sum(part.exchanges for part in found),
                    sum(part.spikes for part in found),
                    {stage: shown_histogram(parts[arm], stage) for stage in stages},
                    frozenset(stage for stage in stages if is_corrected(parts[arm], stage)),
                )


def weight_of(arms: Arms, name: str) -> float:
    """The request's share of the scenario's; NaN when not known."""
    found = (run.requests[name].weight for _, runs in arms for run in runs if name in run.requests)
    return next(found, math.nan)


def join_of(runs: Sequence[Run]) -> Join | None:
    """The sum over the runs; None where none was joined."""
    joins = [run.join for run in runs if run.join is not None]
    if not joins:
        return None
    mismatches: list[Mismatch] = [one for join in joins for one in join.mismatches]
    return Join(
        logged=sum(join.logged for join in joins),
        joined=sum(join.joined for join in joins),
        connections=sum(join.connections for join in joins),
        mismatched=sum(join.mismatched for join in joins),
        mismatches=tuple(mismatches[:MAX_MISMATCHES]),
    )


def _merged(counts: Sequence[RequestCounts]) -> RequestCounts | None:
    answers = Answers.merged(one.answers for one in counts)
    if answers is None:
        return None
    return RequestCounts(
        planned=sum(one.planned for one in counts),
        sent=sum(one.sent for one in counts),
        responded=sum(one.responded for one in counts),
        errors=sum(one.errors for one in counts),
        client=Histogram.merged(one.client for one in counts),
        answers=answers,
    )
