"""Whether pairs may be corrected for stalls: not once these are shown to follow one arm's requests.

Each pair brings logarithms of e-values against "the labels of the requests just before stalls are
fair coins" (`stalls.labels`): for each cause of stalls, by window and rate.  Over pairs they add
up, and the mean of what they come to over all causes, windows and rates is an e-value at any look
(Ville): it ever reaches `LIMIT` with a chance of at most 1 / `LIMIT` when stalls are the machine's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.pair import ARMS, Pair, together
from socklat_gate.measured.run_values import without_correction
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.functions import log_sum_exp

__all__ = ["LIMIT", "JudgedPairs", "judged_pairs"]

LIMIT = 20.0


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """The ``pairs`` as they are judged, those that must not be corrected without a correction.

    ``dropped`` are the stages whose correction was dropped in all pairs, and ``fact`` says why.
    ``alone`` pairs lost theirs by their own evidence, all of a block by the block's.
    """

    pairs: list[Pair]
    dropped: frozenset[str] = frozenset()
    fact: ReasonFact | None = None
    alone: int = 0


def judged_pairs(pairs: Sequence[Pair]) -> JudgedPairs:
    """Pairs in their order; the rule is the same with the arms swapped, so it favours neither."""
    total: Floats | None = None
    found: list[Pair] = []
    alone = 0
    for block in together(pairs):
        kept = block
        if (own := _by_cause(block[0])).size and (total is None or own.shape == total.shape):
            total = own if total is None else total + own
            if _log_mean(total) >= math.log(LIMIT):
                fact = _fact(total, list(block[0].stall_evidence))
                return JudgedPairs([_raw(one) for one in pairs], _corrected_stages(pairs), fact)
            if _log_mean(own) >= math.log(LIMIT):
                kept = [_raw(pair) for pair in block]
                alone += len(block)
        found += kept
    return JudgedPairs(found, alone=alone)


def _by_cause(pair: Pair) -> Floats:
    """Shape (causes, windows and rates); (0,) when nothing was tested."""
    rows = list(pair.stall_evidence.values())
    if len({len(row) for row in rows}) != 1:
        return np.zeros(0)
    return np.array(rows, dtype=np.float64)


def _log_mean(log_evidence: Floats) -> float:
    return float(log_sum_exp(list(log_evidence.ravel()))) - math.log(max(1, log_evidence.size))


def _fact(total: Floats, causes: Sequence[str]) -> ReasonFact:
    cause = causes[int(total.max(axis=1).argmax())]
    numbers = {"evidence": as_e_value(_log_mean(total)), "limit": LIMIT}
    return ReasonFact(Reason.CORRELATED_STALLS, cause, numbers)


def _raw(pair: Pair) -> Pair:
    baseline, candidate = (without_correction(pair.arm(arm)) for arm in ARMS)
    return replace(pair, baseline=baseline, candidate=candidate)


def _corrected_stages(pairs: Sequence[Pair]) -> frozenset[str]:
    runs = (pair.arm(arm) for pair in pairs for arm in ARMS)
    return frozenset(stage for run in runs if run.corrected for stage in run.corrected.histograms)
