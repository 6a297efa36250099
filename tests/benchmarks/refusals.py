"""When jobs of recorded pairs lose their correction for stalls: `verdict.correlated_stalls`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.pair import Pair
from socklat_gate.stalls.labels import RATES
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.correlated_stalls import LIMIT, judged_pairs

__all__ = ["evidence_table", "refused", "turned", "with_own_refusals"]

CHUNK = 500


def evidence_table(pairs: Sequence[Pair]) -> Floats | None:
    """Logarithms of e-values by pair, shape (pairs, causes x windows x 2 x rates); None without."""
    rows = [
        [value for row in pair.stall_evidence.values() for value in row]
        for pair in pairs
        if pair.stall_evidence
    ]
    return np.array(rows) if len(rows) == len(pairs) and rows else None


def turned(values: Floats) -> Floats:
    """The same with the arms swapped: rates of the other sign; (..., causes x windows x 2 x rates).

    That is `stalls.labels`' order.
    """
    by_sign = values.reshape(*values.shape[:-1], -1, 2, len(RATES))
    return np.asarray(by_sign[..., ::-1, :].reshape(values.shape))


def refused(
    evidence: Floats, index: npt.NDArray[np.intp], swapped: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether each job judges raw numbers at each look; ``index`` and the result (jobs, pairs)."""
    other = turned(evidence)
    found = np.zeros(index.shape, dtype=np.bool_)
    for at in range(0, index.shape[0], CHUNK):
        some = slice(at, at + CHUNK)
        drawn = np.where(swapped[some, :, None], other[index[some]], evidence[index[some]])
        total = np.logaddexp.reduce(np.cumsum(drawn, axis=1), axis=2) - math.log(drawn.shape[2])
        found[some] = np.logical_or.accumulate(total >= math.log(LIMIT), axis=1)
    return found


def with_own_refusals(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs without a correction where their own evidence is enough, whatever the others say."""
    return [judged_pairs([pair]).pairs[0] for pair in pairs]
