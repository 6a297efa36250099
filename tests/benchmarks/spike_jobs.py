"""The gate's rule on rare spikes for thousands of jobs at once: `verdict.spikes`, in sums.

What counts as a spike depends on the job's pairs through their p99.9.  Where that matters, the
whole set's limit stands in for each job's, and `SpikeTable.steady` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.scenario import Gate
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.rates import (
    EVENTS_PER_RUN,
    RUNS_WITH_EVENTS,
    dispersion_p,
    running_dispersion,
    running_rate_evidence,
    runs_are_clusters,
)
from socklat_gate.verdict.spike_events import count_pairs, threshold_ns

__all__ = ["SpikeTable", "spike_evidence", "spike_table"]


@dataclass(frozen=True, slots=True)
class SpikeTable:
    """Events and exposure (s) of each run, both of shape (arms, pairs).

    ``steady``: the limit is the same for every job that can be drawn.
    """

    events: Floats
    exposure_s: Floats
    steady: bool


def spike_table(pairs: Sequence[Pair], gate: Gate) -> SpikeTable | None:
    """The spikes of pairs, or None when the gate does not judge spikes."""
    if not gate.spikes.enabled:
        return None
    limit_ns = threshold_ns(pairs, gate.spikes)
    counted = count_pairs(pairs, limit_ns)
    floor_ns = gate.spikes.floor_ms * 1e6
    runs = [pair.arm(arm) for pair in pairs for arm in ARMS]
    stage = latency_stage(runs)
    usual_ns = [gate.spikes.factor * run.histograms[stage].quantile_ns(0.999) for run in runs]
    return SpikeTable(
        events=counted.events,
        exposure_s=counted.exposure_s,
        steady=max(usual_ns) <= floor_ns,
    )


def spike_evidence(
    known: SpikeTable, index: npt.NDArray[np.intp], swapped: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Log evidence of each job by events and by runs, and whether it goes by runs at each look.

    ``index`` and the results are (jobs, pairs); evidence of too few runs is minus infinity.
    """
    arms = np.where(swapped, 1, 0), np.where(swapped, 0, 1)
    theirs, ours = (known.events[arm, index] for arm in arms)
    theirs_s, ours_s = (known.exposure_s[arm, index] for arm in arms)
    watched = ours_s > 0
    capped = running_rate_evidence(
        np.minimum(ours, EVENTS_PER_RUN),
        np.minimum(theirs, EVENTS_PER_RUN),
        _share(ours_s, theirs_s),
    )
    sign = np.sign(ours * theirs_s - theirs * ours_s)
    signs = running_rate_evidence(sign > 0, sign < 0, _share(ours_s, theirs_s))
    moments = running_dispersion(ours, ours_s) + running_dispersion(theirs, theirs_s)
    pairs = np.maximum(1, np.cumsum(watched, axis=1))
    events_per_run = np.cumsum(ours + theirs, axis=1) / (2 * pairs)
    by_runs = runs_are_clusters(dispersion_p(moments), events_per_run)
    enough = np.cumsum(ours > 0, axis=1) >= RUNS_WITH_EVENTS
    return np.where(enough, capped, -np.inf), np.where(enough, signs, -np.inf), by_runs


def _share(ours_s: Floats, theirs_s: Floats) -> Floats:
    even = np.full(ours_s.shape, 0.5)
    return np.divide(ours_s, ours_s + theirs_s, out=even, where=ours_s > 0)
