"""What the numbers that are corrected for stalls rest on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from socklat_gate.measured.run_values import latency_stage
from socklat_gate.report.arm_runs import ShownRuns
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural

__all__ = ["Correction", "correction_of", "correction_text"]

EXTENDED = 1.05
"""Runs that differ by more than this factor in length were extended, some of them at least."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What the corrected numbers of ``corrected_runs`` of the ``runs`` judged rest on.

    ``used`` of ``logged`` exchanges have a weight; ``least_share`` is that share in the
    worst run (NaN when nothing was logged).  Run lengths are in seconds; ``ignored`` pairs or runs
    had bursts of other processes that were not corrected for, ``dropped`` pairs stalls that follow
    one arm's requests.
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
    dropped: int = 0


def correction_of(shown: ShownRuns) -> Correction | None:
    """Sums over the judged runs; None when there are none."""
    runs = shown.judged
    if not runs:
        return None
    known = [run.corrected for run in runs if run.corrected is not None]
    whole = latency_stage(runs)
    used = [one.used[whole].total if whole in one.used else 0 for one in known]
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
        ignored=sum(bool(noise.interference_ignored) for noise in shown.judged_noises),
        dropped=shown.dropped,
    )


def correction_text(correction: Correction) -> str:
    """What was corrected, from how much, and how long the runs were, in a sentence or two."""
    length = _length(correction)
    if not correction.corrected_runs and correction.dropped:
        return (
            "Stalls follow the requests of one arm, so nothing is corrected: all numbers are raw. "
            f"{length}"
        )
    if not correction.corrected_runs:
        return f"Stalls were not recorded, so nothing is corrected: all numbers are raw. {length}"
    some = ""
    if correction.corrected_runs < correction.runs:
        some = f"; {plural(correction.runs - correction.corrected_runs, 'run')} without correction"
    share = correction.used / correction.logged if correction.logged else math.nan
    return (
        f"The verdict uses corrected numbers, from {units.share(share)} of "
        f"{units.count(correction.logged)} logged exchanges, weighted to represent all "
        f"(worst run {units.share(correction.least_share)}){some}. {length}"
        f"{_ignored_text(correction)}"
    )


def _ignored_text(correction: Correction) -> str:
    text = ""
    if correction.dropped:
        text = (
            f" In {plural(correction.dropped, 'pair')} stalls followed the requests of one arm, so "
            "that raw numbers are used."
        )
    if not correction.ignored:
        return text
    return (
        f"{text} In {plural(correction.ignored, 'measurement')} bursts of other processes were "
        "correlated with requests, so they were not corrected for."
    )


def _length(correction: Correction) -> str:
    shortest, longest = map(units.duration_s, (correction.shortest_s, correction.longest_s))
    if correction.longest_s <= EXTENDED * correction.shortest_s:
        return f"Each run lasted {units.duration_s(correction.median_s)}."
    return (
        f"Runs lasted {shortest} to {longest} (median {units.duration_s(correction.median_s)}), "
        "extended while stalls left too few undisturbed exchanges."
    )
