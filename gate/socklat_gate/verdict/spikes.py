"""Whether the candidate has more rare spikes: p99.9 of a short run cannot show it, counting can.

The reference is the baseline arm, which had the same machine at the same time, and nothing else.
Stored campaigns are shown beside it and are no evidence: how often a machine halts what runs on it
changes from day to day, so a campaign is one observation however long it was.  If today's machine
is another one, both arms have its events, and only how these fall to the arms tells a candidate
from a machine; to use any rule by history on top of it makes a changed machine a false alarm.
Exposure of stored campaigns once counted as the reference's: with a history without events and a
machine that now has one every 80 s, half of the jobs with equal arms failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import SpikeVerdict
from socklat_gate.verdict.clusters import ClusterIds, cluster_sums
from socklat_gate.verdict.evidence import Floats, as_e_value
from socklat_gate.verdict.rates import (
    RUNS_WITH_EVENTS,
    capped_counts,
    dispersion_p,
    mde_events_of,
    running_dispersion,
    running_rate_evidence,
    runs_are_clusters,
    sign_counts,
)
from socklat_gate.verdict.spike_events import (
    count_pairs,
    count_runs,
    request_of_spikes,
    stage_of_spikes,
    threshold_ns,
)
from socklat_gate.verdict.together import carried_on
from socklat_gate.verdict.zone import waiver_in_force

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = ["JudgedSpikes", "judge_spikes"]


@dataclass(frozen=True, slots=True)
class JudgedSpikes:
    """The spikes' verdict by themselves, and their log evidence after each cluster.

    It is nothing (minus infinity) until they came in `RUNS_WITH_EVENTS` runs of the candidate.
    """

    verdict: SpikeVerdict
    log_evidence: Floats


def judge_spikes(
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    gate: Gate,
    waiver: Waiver | None = None,
    stored: Sequence[Campaign] = (),
    alpha: float | None = None,
) -> JudgedSpikes:
    """Verdict on the spikes of the pairs used; ``clusters`` as of `verdict.clusters.cluster_ids`.

    ``stored`` campaigns are counted to be shown.  ``alpha`` is their part (None: the gate's).

    Raises `ValueError` when the gate does not judge spikes.
    """
    if not gate.spikes.enabled:
        raise ValueError("the gate does not judge spikes")
    limit_ns = threshold_ns(pairs, gate.spikes)
    counted = count_pairs(pairs, limit_ns)
    # shape (arms, clusters)
    events, exposure_s = (
        cluster_sums(counted.events, clusters),
        cluster_sums(counted.exposure_s, clusters),
    )
    watched = np.asarray(exposure_s.all(axis=0))
    events, exposure_s = events[:, watched], exposure_s[:, watched]
    tolerance_ratio = 1.0 if waiver is None else 1.0 + waiver.ceiling
    dispersion = _dispersion(events, exposure_s)
    by_runs = bool(runs_are_clusters(dispersion, events.mean() if events.size else 0.0))
    if by_runs:
        ours, theirs, share = sign_counts(events, exposure_s, tolerance_ratio)
    else:
        ours, theirs, share = capped_counts(events, exposure_s, tolerance_ratio)
    threshold = 1.0 / (gate.alpha_spikes if alpha is None else alpha)
    running = running_rate_evidence(ours, theirs, share)
    log_evidence = float(running.max(initial=0.0))
    in_runs = np.cumsum(events[1] > 0)
    failed = bool(
        log_evidence >= math.log(threshold) and in_runs[-1:].max(initial=0) >= RUNS_WITH_EVENTS
    )
    theirs_s, ours_s = map(float, exposure_s.sum(axis=1))
    fewest = mde_events_of(float(theirs.sum()), float(share.mean()), threshold) if ours_s else None
    rate = (float(events[0].sum()) + 0.5) / theirs_s if theirs_s else math.nan
    past, past_s = count_runs([run for campaign in stored for run in campaign.runs], limit_ns)
    evidence = as_e_value(log_evidence)
    verdict = SpikeVerdict(
        threshold_ns=limit_ns,
        baseline_events=int(events[0].sum()),
        candidate_events=int(events[1].sum()),
        baseline_exposure_s=theirs_s,
        candidate_exposure_s=ours_s,
        stored_events=int(past.sum()),
        stored_exposure_s=float(past_s.sum()),
        rate_ratio=(float(events[1].sum()) + 0.5) / ours_s / rate if ours_s else math.nan,
        tolerance_ratio=tolerance_ratio,
        evidence=evidence,
        threshold=threshold,
        p_value=min(1.0, 1.0 / evidence),
        by_runs=by_runs,
        dispersion_p=dispersion,
        mde_events=fewest,
        mde_ratio=math.inf if fewest is None else fewest / (rate * ours_s),
        failed=failed,
        notes=counted.notes,
        waived=waiver_in_force(waiver),
        stage=stage_of_spikes(pairs, limit_ns),
        request=request_of_spikes(pairs) if events[1].any() else "",
    )
    in_time = np.where(in_runs >= RUNS_WITH_EVENTS, running, -np.inf)
    return JudgedSpikes(verdict, carried_on(in_time, watched))


def _dispersion(events: Floats, exposure_s: Floats) -> float:
    moments = np.zeros(3)
    for counts, exposures in zip(events, exposure_s, strict=True):
        if counts.size:
            moments += running_dispersion(counts, exposures)[:, -1]
    return float(dispersion_p(moments))
