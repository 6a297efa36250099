"""Whether the candidate has more of what is counted: failed requests, overload, connections.

A verdict needs both: what fails rests on evidence that bunches cannot make
(`verdict.count_evidence`), and a pass waits on evidence that takes every failure for an event of
its own.  So a burst in one run is neither a regression nor passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.names import CAPACITY, CONNECTIONS, ERRORS
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import CountVerdict
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_sums
from socklat_gate.verdict.count_evidence import mde_count_of, running_count_evidence
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.pace import lags_behind
from socklat_gate.verdict.rates import dispersion_p, running_dispersion, running_rate_evidence
from socklat_gate.verdict.zone import waiver_in_force

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = ["EXCESS_OF_NOTE", "HOLDING", "OVERLOADS_OF_NOTE", "OVER_DISPERSED", "judge_counts"]

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

CONNECTIONS_TOLERANCE = 0.01
"""Connections a request that count as none: chance makes a few more or less."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """Of each cluster: counts and totals, shape (arms, clusters)."""

    counts: Floats
    totals: Floats

    def excess(self, allowed: float) -> Floats:
        """The candidate's share less the baseline's and what is allowed, by cluster."""
        shares = self.counts / self.totals
        return np.asarray(shares[1] - shares[0] - allowed)


def judge_counts(
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    gate: Gate,
    waived: Mapping[str, Waiver] | None = None,
) -> tuple[CountVerdict, ...]:
    """Verdicts on the counts that ``gate`` judges, over the pairs used.

    ``clusters`` as of `verdict.clusters.cluster_ids`; ``waived`` by name.  A run of which nothing
    is known (an external command that tells no responses) counts for nothing, with its pair.
    """
    return tuple(
        _JUDGES[name](_counted(pairs, clusters, _COUNTS[name]), gate, (waived or {}).get(name))
        for name in gate.counted
    )


def _errors(found: _Counted, gate: Gate, waiver: Waiver | None) -> CountVerdict:
    counts, totals = found.counts, found.totals
    share = totals[1] / totals.sum(axis=0)
    plain = running_count_evidence(counts[1], counts[0], share, most=math.inf)
    by_runs = waiver is not None or _over_dispersed(counts, totals)
    if by_runs:
        running = _by_sign(found.excess(0.0 if waiver is None else waiver.ceiling))
    else:
        running = running_count_evidence(counts[1], counts[0], share)
    held = _last(running if waiver else plain)
    undecided = held >= math.log(1.0 / gate.alpha_pass) or (
        held > HOLDING and _most_excess(found, gate.alpha_pass) >= EXCESS_OF_NOTE
    )
    judged = _verdict(ERRORS, found, gate, running, waiver, by_runs=by_runs, undecided=undecided)
    if waiver is not None:
        return judged
    pairs, due = counts.shape[1], judged.candidate_total
    fewest = mde_count_of(judged.baseline_count, pairs, due, judged.threshold)
    return replace(judged, mde_count=fewest)


def _capacity(found: _Counted, gate: Gate, waiver: Waiver | None) -> CountVerdict:
    ratio = 1.0 if waiver is None else 1.0 + waiver.ceiling
    sign = np.sign(found.counts[1] - found.counts[0])
    running = _sign_evidence(sign, ratio / (1.0 + ratio))
    often = found.counts[1].sum() > OVERLOADS_OF_NOTE * found.counts.shape[1]
    undecided = _last(running) > HOLDING and bool(often)
    return _verdict(CAPACITY, found, gate, running, waiver, by_runs=True, undecided=undecided)


def _connections(found: _Counted, gate: Gate, waiver: Waiver | None) -> CountVerdict:
    allowed = CONNECTIONS_TOLERANCE + (0.0 if waiver is None else waiver.ceiling)
    running = _by_sign(found.excess(allowed))
    undecided = _last(running) > HOLDING
    return _verdict(CONNECTIONS, found, gate, running, waiver, by_runs=True, undecided=undecided)


def _verdict(
    name: str,
    found: _Counted,
    gate: Gate,
    running: Floats,
    waiver: Waiver | None,
    *,
    by_runs: bool,
    undecided: bool,
) -> CountVerdict:
    log_evidence = float(running.max(initial=0.0))
    threshold = 1.0 / gate.alpha_count
    failed = log_evidence >= math.log(threshold)
    (ours, theirs), (ours_of, theirs_of) = (
        (int(values[1].sum()), int(values[0].sum())) for values in (found.counts, found.totals)
    )
    return CountVerdict(
        name=name,
        baseline_count=theirs,
        baseline_total=theirs_of,
        candidate_count=ours,
        candidate_total=ours_of,
        evidence=as_e_value(log_evidence),
        threshold=threshold,
        failed=failed,
        by_runs=by_runs,
        undecided=undecided and not failed,
        waived=waiver_in_force(waiver),
    )


def _by_sign(excess: Floats) -> Floats:
    return _sign_evidence(np.sign(excess), 0.5)


def _sign_evidence(sign: Floats, share: float) -> Floats:
    return running_rate_evidence((sign > 0).astype(float), (sign < 0).astype(float), share)


def _over_dispersed(counts: Floats, totals: Floats) -> bool:
    """Whether runs of an arm differ by more than Poisson chance; which arm has more plays no part.

    The counts of both arms are looked at apart, so that a true difference is no dispersion.
    """
    if not counts.size:
        return False
    moments = sum(running_dispersion(counts[arm], totals[arm])[:, -1] for arm in (0, 1))
    return bool(dispersion_p(np.asarray(moments)) < OVER_DISPERSED)


def _most_excess(found: _Counted, level: float) -> float:
    """Upper limit, at ``level``, of the candidate's share of failures less the baseline's.

    That of the candidate is the exact one of a Poisson count (Garwood 1936).
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - see `verdict.functions`

    (theirs, ours), (theirs_of, ours_of) = found.counts.sum(axis=1), found.totals.sum(axis=1)
    return float(gammaincinv(ours + 1.0, 1.0 - level) / ours_of - theirs / theirs_of)


def _last(running: Floats) -> float:
    """Evidence at this look, logarithm; unlike what fails, it may have shrunk since."""
    return float(running[-1]) if running.size else 0.0


def _counted(
    pairs: Sequence[Pair], clusters: ClusterIds, count: Callable[[Run, Run], tuple[int, int]]
) -> _Counted:
    by_pair = np.array(
        [
            [count(pair.arm(arm), pair.arm(other)) for pair in pairs]
            for arm, other in zip(ARMS, ARMS[::-1], strict=True)
        ],
        dtype=np.float64,
    ).reshape(len(ARMS), len(pairs), 2)
    counts, totals = (cluster_sums(by_pair[:, :, part], clusters) for part in (0, 1))
    known = totals.all(axis=0)
    return _Counted(counts[:, known], totals[:, known])


def _failures(run: Run, _other: Run) -> tuple[int, int]:
    """Failed requests, and those that were due; an external tool's are those that were seen."""
    load = run.load
    if not load.external:
        return load.errors, load.planned
    if load.answers is None:
        return 0, 0
    return load.answers.failed, load.answers.seen


def _overloads(run: Run, other: Run) -> tuple[int, int]:
    """By the rate; of an external tool that has its own pace in an arm, beside the other arm."""
    if all(one.load.planned or not one.load.external for one in (run, other)):
        return int(run.load.overloaded), 1
    return int(lags_behind(run, other)), 1


def _openings(run: Run, _other: Run) -> tuple[int, int]:
    return (run.load.answers.opened, run.load.planned) if run.load.answers else (0, 0)


_COUNTS: Mapping[str, Callable[[Run, Run], tuple[int, int]]] = {
    ERRORS: _failures,
    CAPACITY: _overloads,
    CONNECTIONS: _openings,
}
_JUDGES: Mapping[str, Callable[[_Counted, Gate, Waiver | None], CountVerdict]] = {
    ERRORS: _errors,
    CAPACITY: _capacity,
    CONNECTIONS: _connections,
}
