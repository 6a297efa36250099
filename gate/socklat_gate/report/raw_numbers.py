"""Raw numbers beside those corrected for stalls, and how much the correction rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from socklat_gate.measured.campaign import Noise, Pair, Run
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.verdict.clusters import cluster_ids, cluster_means
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.log_ratios import pair_log_ratios, run_quantile_ns
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural, relative

__all__ = ["Correction", "Raw", "correction_of", "correction_text", "judged_runs", "raw_of"]

EXTENDED = 1.05
"""Runs that differ by more than this factor in length were extended, some of them at least."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A gated quantile as all exchanges give it, stalls included; NaN where it is not known.

    The same estimates as `MetricVerdict`'s: ns, and ``change`` as a ratio minus 1.
    """

    baseline_ns: float = math.nan
    candidate_ns: float = math.nan
    change: float = math.nan


@dataclass(frozen=True, slots=True)
class Correction:
    """What the corrected numbers of ``corrected_runs`` of the ``runs`` judged rest on.

    ``used`` of ``logged`` exchanges of service have a weight; ``least_share`` is that share in the
    worst run (NaN when nothing was logged).  Run lengths are in seconds; ``ignored`` pairs or runs
    had bursts of other processes that were not corrected for.
    """

    runs: int
    corrected_runs: int
    logged: int
    used: int
    least_share: float
    shortest_s: float
    median_s: float
    longest_s: float
    ignored: int = 0


def judged_runs(result: Result) -> list[Run]:
    """The runs that the verdict looks at, of both arms, or those of the campaign."""
    if result.pairs:
        used = (pair for pair in result.pairs if not pair.excluded)
        return [run for pair in used for run in (pair.baseline, pair.candidate)]
    return list(result.campaign.runs) if result.campaign else []


def correction_of(result: Result) -> Correction | None:
    """Sums over the judged runs; None when there are none."""
    runs = judged_runs(result)
    if not runs:
        return None
    known = [run.corrected for run in runs if run.corrected is not None]
    used = [one.used["service"].total if "service" in one.used else 0 for one in known]
    shares = [n / one.logged for n, one in zip(used, known, strict=True) if one.logged]
    lengths_s = [run.duration_s for run in runs]
    return Correction(
        runs=len(runs),
        corrected_runs=len(known),
        logged=sum(one.logged for one in known),
        used=sum(used),
        least_share=min(shares, default=math.nan),
        shortest_s=min(lengths_s),
        median_s=median(lengths_s),
        longest_s=max(lengths_s),
        ignored=sum(bool(noise.interference_ignored) for noise in _noises(result)),
    )


def correction_text(correction: Correction) -> str:
    """What was corrected, from how much, and how long the runs were, in a sentence or two."""
    length = _length(correction)
    if not correction.corrected_runs:
        return f"Not corrected for stalls, which nothing watched for: all numbers are raw. {length}"
    some = ""
    if correction.corrected_runs < correction.runs:
        some = f"; {plural(correction.runs - correction.corrected_runs, 'run')} without correction"
    share = correction.used / correction.logged if correction.logged else math.nan
    return (
        f"Corrected numbers are judged: {units.share(share)} of {units.count(correction.logged)} "
        f"logged exchanges are used and stand for the rest "
        f"(worst run {units.share(correction.least_share)}){some}. {length}{_ignored(correction)}"
    )


def _ignored(correction: Correction) -> str:
    if not correction.ignored:
        return ""
    return (
        f" In {plural(correction.ignored, 'measurement')} bursts of other processes followed the "
        "requests, so they were taken for a part of answering and left in."
    )


def _noises(result: Result) -> Sequence[Noise]:
    if result.pairs:
        return [pair.noise for pair in result.pairs if not pair.excluded]
    return result.campaign.noise if result.campaign else ()


def raw_of(result: Result, metric: MetricVerdict) -> Raw:
    """A quantile without correction, estimated just as the verdict's own numbers are.

    All NaN for CPU time, which needs none, and for the baseline of a stored comparison, whose runs
    are not in the result.
    """
    if metric.quantile is None:
        return Raw()
    if result.pairs:
        return _paired([p for p in result.pairs if not p.excluded], metric)
    values = [
        run_quantile_ns(replace(run, corrected=None), metric.stage, metric.quantile)[0]
        for run in judged_runs(result)
    ]
    known = [value for value in values if math.isfinite(value)]
    return Raw(candidate_ns=float(np.exp(np.mean(np.log(known)))) if known else math.nan)


def _paired(used: Sequence[Pair], metric: MetricVerdict) -> Raw:
    bare = [
        replace(
            pair,
            baseline=replace(pair.baseline, corrected=None),
            candidate=replace(pair.candidate, corrected=None),
        )
        for pair in used
    ]
    ratios = pair_log_ratios(bare, metric.stage, metric.quantile)
    if not ratios.usable.any():
        return Raw()
    by_pair = np.full(ratios.usable.size, np.nan)
    by_pair[ratios.usable] = ratios.log_ratios
    return Raw(
        float(np.median(ratios.baseline_ns[ratios.usable])),
        float(np.median(ratios.candidate_ns[ratios.usable])),
        relative(hodges_lehmann(cluster_means(by_pair, cluster_ids(bare)))),
    )


def _length(correction: Correction) -> str:
    shortest, longest = map(units.duration_s, (correction.shortest_s, correction.longest_s))
    if correction.longest_s <= EXTENDED * correction.shortest_s:
        return f"Each run lasted {units.duration_s(correction.median_s)}."
    return (
        f"Runs lasted {shortest} to {longest} (median {units.duration_s(correction.median_s)}), "
        "extended while stalls left too few clean exchanges."
    )
