"""The gate's rule on rare spikes for thousands of jobs at once: `gate.verdict.spikes`, in sums.

What counts as a spike depends on the job's pairs through their p99.9.  Where that matters, the
whole set's limit stands in for each job's, and `SpikeTable.steady` says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc

from gate.campaign import ARMS, Pair
from gate.scenario import Gate
from gate.verdict.events import count_pairs, threshold_ns
from gate.verdict.evidence import Floats
from gate.verdict.rates import (
    DISPERSION_LEVEL,
    EVENTS_PER_RUN,
    RUNS_WITH_EVENTS,
    running_rate_evidence,
)

__all__ = ["SpikeTable", "spike_table", "spikes_fail"]


@dataclass(frozen=True, slots=True)
class SpikeTable:
    """Events and exposure (s) of each run, both of shape (arms, pairs), and e-value to fail.

    ``steady``: the limit is the same for every job that can be drawn.
    """

    events: Floats
    exposure_s: Floats
    needed: float
    steady: bool


def spike_table(pairs: Sequence[Pair], gate: Gate) -> SpikeTable | None:
    """The spikes of pairs, or None when the gate does not judge spikes."""
    if not gate.spikes.enabled:
        return None
    counted = count_pairs(pairs, threshold_ns(pairs, gate.spikes))
    floor_ns = gate.spikes.floor_ms * 1e6
    usual_ns = [
        gate.spikes.factor * pair.arm(arm).histograms["service"].quantile_ns(0.999)
        for pair in pairs
        for arm in ARMS
    ]
    return SpikeTable(
        events=counted.events,
        exposure_s=counted.exposure_s,
        needed=1.0 / gate.alpha_spikes,
        steady=max(usual_ns) <= floor_ns,
    )


def spikes_fail(
    known: SpikeTable, index: npt.NDArray[np.intp], swapped: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether spikes fail each job at each look; ``index`` and the result are (jobs, pairs)."""
    arms = np.where(swapped, 1, 0), np.where(swapped, 0, 1)
    theirs, ours = (known.events[arm, index] for arm in arms)
    theirs_s, ours_s = (known.exposure_s[arm, index] for arm in arms)
    share = np.divide(ours_s, ours_s + theirs_s, out=np.full(ours.shape, 0.5), where=ours_s > 0)
    capped = running_rate_evidence(
        np.minimum(ours, EVENTS_PER_RUN), np.minimum(theirs, EVENTS_PER_RUN), share
    )
    sign = np.sign(ours * theirs_s - theirs * ours_s)
    signs = running_rate_evidence(sign > 0, sign < 0, share)
    overdispersed = _dispersion_p([(theirs, theirs_s), (ours, ours_s)]) < DISPERSION_LEVEL
    evidence = np.where(overdispersed, _running_max(signs), _running_max(capped))
    in_runs = np.cumsum(ours > 0, axis=1)
    return np.asarray((evidence >= math.log(known.needed)) & (in_runs >= RUNS_WITH_EVENTS))


def _running_max(evidence: Floats) -> Floats:
    return np.asarray(np.maximum.accumulate(np.maximum(evidence, 0.0), axis=1))


def _dispersion_p(arms: Sequence[tuple[Floats, Floats]]) -> Floats:
    """`gate.verdict.rates.dispersion_p` of every prefix of the pairs, from running sums."""
    shape = arms[0][0].shape
    statistic, mean, variance = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for counts, exposures in arms:
        used = exposures > 0
        inverse = np.divide(1.0, exposures, out=np.zeros(shape), where=used)
        total, whole = np.cumsum(counts, axis=1), np.cumsum(exposures, axis=1)
        runs = np.cumsum(used, axis=1)
        tested = (total >= 2) & (runs >= 2)
        some = np.maximum(total, 1.0)
        pearson = whole / some * np.cumsum(counts**2 * inverse, axis=1) - total
        spread = whole * np.cumsum(inverse, axis=1)
        more = 2 * (runs - 1) + (spread - runs**2 - 2 * runs + 2) / some
        statistic += np.where(tested, pearson, 0.0)
        mean += np.where(tested, runs - 1, 0)
        variance += np.where(tested, more, 0.0)
    testable = variance > 0
    safe = np.where(testable, variance, 1.0)
    p = gammaincc(np.maximum(mean, 1e-9) ** 2 / safe, np.maximum(statistic, 0.0) * mean / safe)
    return np.asarray(np.where(testable, p, 1.0))
