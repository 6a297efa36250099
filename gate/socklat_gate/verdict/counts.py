"""Whether the candidate has more of what is counted: failed requests, overload, connections.

A verdict needs both: what fails rests on evidence that bunches cannot make
(`verdict.count_evidence`), and a pass waits on evidence that takes every failure for an event of
its own.  So a burst in one run is neither a regression nor passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.names import CAPACITY, CONNECTIONS, ERRORS, named
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run_values import request_names
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds
from socklat_gate.verdict.count_evidence import mde_count_of, running_count_evidence
from socklat_gate.verdict.counted import Counted, count
from socklat_gate.verdict.judged_count import (
    JudgedCount,
    by_sign,
    judged_count,
    latest,
    sign_evidence,
)
from socklat_gate.verdict.log_ratios import request_pairs
from socklat_gate.verdict.rates import dispersion_p, running_dispersion

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = [
    "EXCESS_OF_NOTE",
    "HOLDING",
    "OVERLOADS_OF_NOTE",
    "OVER_DISPERSED",
    "judge_counts",
]

EXCESS_OF_NOTE = 0.0005
"""Share of requests: fewer that fail in the candidate alone do not keep a pass away.

Simulated (docs/lab/simulation.md): with 0.09% against none, 4% of the jobs of 3-s pairs at 250
requests a second pass, and none at the defaults; 0.1% would let 12% pass.
"""

OVERLOADS_OF_NOTE = 0.05
"""Share of the pairs: the candidate overloaded in fewer keeps no pass away."""

HOLDING = math.log(1.5)
"""Evidence of one failed request beside none is 1.7; above this a pass waits."""

OVER_DISPERSED = 0.05
"""Runs are compared by sign below this p-value: single events would be too sure of themselves.

At 20%, the level for spikes, as many jobs with steady errors would take 12 pairs where 6 do.
"""

ERRORS_OF_NAMES = 0.5
"""Part of the errors' alpha that the named requests have together."""

CONNECTIONS_TOLERANCE = 0.01
"""Connections a request that count as none: chance makes a few more or less."""


def judge_counts(
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    gate: Gate,
    waived: Mapping[str, Waiver] | None = None,
) -> tuple[JudgedCount, ...]:
    """What ``gate`` has counted, over the pairs used; errors also of each named request with some.

    ``clusters`` as of `verdict.clusters.cluster_ids`; ``waived`` by name.  A run of which nothing
    is known (an external command that tells no responses) counts for nothing, with its pair.  The
    errors' part of alpha is shared half and half by the total and the names.
    """
    waivers = waived or {}
    names = request_names(pair.arm(arm) for pair in pairs for arm in ARMS)
    share = ERRORS_OF_NAMES if names else 0.0
    found: list[JudgedCount] = []
    for name in gate.counted:
        counted = count(name, pairs, clusters)
        if name != ERRORS:
            found.append(_JUDGES[name](counted, gate.alpha_count, waivers.get(name)))
            continue
        alpha = gate.alpha_count * (1.0 - share)
        found.append(_errors(counted, alpha, gate.alpha_pass, waivers.get(ERRORS)))
        of_name = gate.alpha_count * share / max(1, len(names))
        found += _errors_by_name(pairs, clusters, names, of_name, gate.alpha_pass, waivers)
    return tuple(found)


def _errors_by_name(
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    names: Sequence[str],
    alpha: float,
    alpha_pass: float,
    waived: Mapping[str, Waiver],
) -> list[JudgedCount]:
    """Names without any failed request are left out: there is nothing to tell.

    A waiver of all errors lets a name have as many more as it lets all requests together; the
    total is what holds a small excess against a pass, here it takes `alpha_pass` over the names.
    """
    due = count(ERRORS, pairs, clusters).totals[1].sum()
    found = []
    for request in names:
        counted = count(ERRORS, request_pairs(pairs, request), clusters)
        if not counted.counts.any():
            continue
        waiver = waived.get(named(ERRORS, request))
        ours = counted.totals[1].sum()
        if waiver is None and (whole := waived.get(ERRORS)) is not None and ours:
            waiver = whole.model_copy(update={"ceiling": min(1.0, whole.ceiling * due / ours)})
        judged = _errors(counted, alpha, alpha_pass / len(names), waiver, noted=False)
        verdict = replace(judged.verdict, name=named(ERRORS, request), request=request)
        found.append(replace(judged, verdict=verdict))
    return found


def _errors(
    found: Counted, alpha: float, alpha_pass: float, waiver: Waiver | None, *, noted: bool = True
) -> JudgedCount:
    """``noted``: a pass also waits for a small excess, from `HOLDING` on."""
    counts, totals = found.counts, found.totals
    share = totals[1] / totals.sum(axis=0)
    plain = running_count_evidence(counts[1], counts[0], share, most=math.inf)
    by_runs = waiver is not None or _over_dispersed(counts, totals)
    if by_runs:
        running = by_sign(found.excess(0.0 if waiver is None else waiver.ceiling))
    else:
        running = running_count_evidence(counts[1], counts[0], share)
    held = latest(running if waiver else plain)
    undecided = held >= math.log(1.0 / alpha_pass) or (
        noted and held > HOLDING and _most_excess(found, alpha_pass) >= EXCESS_OF_NOTE
    )
    judged = judged_count(
        ERRORS, found, alpha, running, waiver, by_runs=by_runs, undecided=undecided
    )
    if waiver is not None:
        return judged
    verdict = judged.verdict
    pairs, due = counts.shape[1], verdict.candidate_total
    fewest = mde_count_of(verdict.baseline_count, pairs, due, verdict.threshold)
    return replace(judged, verdict=replace(verdict, mde_count=fewest))


def _capacity(found: Counted, alpha: float, waiver: Waiver | None) -> JudgedCount:
    ratio = 1.0 if waiver is None else 1.0 + waiver.ceiling
    sign = np.sign(found.counts[1] - found.counts[0])
    running = sign_evidence(sign, ratio / (1.0 + ratio))
    often = found.counts[1].sum() > OVERLOADS_OF_NOTE * found.counts.shape[1]
    undecided = latest(running) > HOLDING and bool(often)
    return judged_count(CAPACITY, found, alpha, running, waiver, by_runs=True, undecided=undecided)


def _connections(found: Counted, alpha: float, waiver: Waiver | None) -> JudgedCount:
    allowed = CONNECTIONS_TOLERANCE + (0.0 if waiver is None else waiver.ceiling)
    running = by_sign(found.excess(allowed))
    undecided = latest(running) > HOLDING
    return judged_count(
        CONNECTIONS, found, alpha, running, waiver, by_runs=True, undecided=undecided
    )


def _over_dispersed(counts: Floats, totals: Floats) -> bool:
    """Whether runs of an arm differ by more than Poisson chance; which arm has more plays no part.

    The counts of both arms are looked at apart, so that a true difference is no dispersion.
    """
    if not counts.size:
        return False
    moments = sum(running_dispersion(counts[arm], totals[arm])[:, -1] for arm in (0, 1))
    return bool(dispersion_p(np.asarray(moments)) < OVER_DISPERSED)


def _most_excess(found: Counted, level: float) -> float:
    """Upper limit, at ``level``, of the candidate's share of failures less the baseline's.

    That of the candidate is the exact one of a Poisson count (Garwood 1936).
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - see `verdict.functions`

    (theirs, ours), (theirs_of, ours_of) = found.counts.sum(axis=1), found.totals.sum(axis=1)
    return float(gammaincinv(ours + 1.0, 1.0 - level) / ours_of - theirs / theirs_of)


_JUDGES: Mapping[str, Callable[[Counted, float, Waiver | None], JudgedCount]] = {
    CAPACITY: _capacity,
    CONNECTIONS: _connections,
}
