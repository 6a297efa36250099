"""Whether the load driver's own times speak against a pass: what users wait for, end to end.

A stage ends at a socket's call.  Behind it a response can wait on: Nagle's algorithm keeps the body
of a response whose head went out in a send of its own until the client's delayed acknowledgement
comes, 40 ms later, and a corked socket keeps it for 200 ms.  The driver's time, from when a request
was due to the last byte of its response, has all of that, and more noise than a stage.  So nothing
fails by it: it only keeps a pass away, where it speaks for a change beyond the whole zone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import WHOLE
from socklat_gate.measured.pair import ARMS, Pair, containers_of
from socklat_gate.measured.run import Run
from socklat_gate.verdict.clusters import ClusterIds, cluster_means
from socklat_gate.verdict.evidence import as_e_value, fail_evidence
from socklat_gate.verdict.judged_values import least_exceeding
from socklat_gate.verdict.zone import zone_of

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = ["slower_clients"]


def slower_clients(
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    gate: Gate,
    waived: Mapping[str, Waiver],
) -> list[ReasonFact]:
    """CLIENTS_SLOWER of each compared quantile of a whole exchange whose clients speak against it.

    They do when the evidence that the driver's times of the candidate are longer by more than
    ``regression_threshold`` (a waiver moves it) is above 1 at this look.  Runs of an external tool
    have no such times and count for nothing, nor does a pair with too few.  Numbers: ``evidence``,
    and the medians over the pairs, ``baseline_ns`` and ``candidate_ns``.
    """
    found = []
    needed = least_exceeding(containers_of(pairs))
    for metric in gate.compared:
        if metric.quantile is None or metric.stage not in WHOLE:
            continue
        times_ns = np.array(
            [
                [
                    _quantile_ns(pair.arm(arm), metric.quantile, metric.request, needed)
                    for pair in pairs
                ]
                for arm in ARMS
            ]
        ).reshape(len(ARMS), len(pairs))
        known = np.isfinite(times_ns).all(axis=0)
        if not known.any():
            continue
        d = cluster_means(np.log(times_ns[1]) - np.log(times_ns[0]), clusters)
        zone = zone_of(metric, gate, waiver=waived.get(metric.name))
        evidence = as_e_value(fail_evidence(d, zone.d1, zone.scale))
        if evidence > 1.0:
            theirs, ours = (float(np.median(times[known])) for times in times_ns)
            numbers = {"evidence": evidence, "baseline_ns": theirs, "candidate_ns": ours}
            found.append(ReasonFact(Reason.CLIENTS_SLOWER, metric.name, numbers))
    return found


def _quantile_ns(run: Run, quantile: float, request: str | None, needed: int) -> float:
    """NaN where too few requests are beyond it."""
    part = run.load.requests.get(request) if request else run.load
    if part is None:
        return math.nan
    client = part.client
    if round(client.total * (1.0 - quantile), 6) < needed:
        return math.nan
    return max(1.0, float(client.quantile_ns(quantile)))
