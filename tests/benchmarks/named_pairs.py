"""Recorded pairs as if their load had mixed named requests: every exchange is dealt to a name.

A recorded run keeps no exchange apart, but a histogram is all that is judged of it: the exchanges
of each bucket are dealt to the names with the probabilities of their weights (multinomial, seeded),
as the driver's own coins would have dealt them. So a name has its share of the run's exchanges and
of their noise, names and whole hang together as they do in a job, and the whole stays what was
recorded. What the correction for stalls made of an exchange goes with it: those of a bucket have
its mean weight. A name gets slower by moving its exchanges' times, in the candidate, and the whole
is the sum of the names again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import BUCKETS, Histogram, bucket_edges_ns, index_of
from socklat_gate.measured.load_counts import Answers, RequestCounts
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import RequestStages, Run, StallCorrected

__all__ = ["named_pairs"]

Ints = npt.NDArray[np.int64]


def named_pairs(
    pairs: Sequence[Pair],
    stage: str,
    weights: Mapping[str, float],
    seed: int,
    slower: Mapping[str, float] | None = None,
) -> list[Pair]:
    """The pairs with these names; ``slower`` names take so many times as long in the candidate.

    Only ``stage`` is kept: it is the one that is judged.
    """
    rng = np.random.default_rng(seed)
    found = []
    for pair in pairs:
        runs = {
            arm: _named(
                pair.arm(arm), stage, weights, rng, (slower or {}) if arm == "candidate" else {}
            )
            for arm in ARMS
        }
        found.append(replace(pair, **runs))
    return found


def _named(
    run: Run,
    stage: str,
    weights: Mapping[str, float],
    rng: np.random.Generator,
    slower: Mapping[str, float],
) -> Run:
    shares = np.array(list(weights.values())) / sum(weights.values())
    raw = _ints(run.histograms[stage])
    corrected = run.corrected
    used = _ints(corrected.used[stage]) if corrected else np.zeros_like(raw)
    judged = _ints(corrected.histograms[stage]) if corrected else used
    used_by, rest_by = (_dealt(counts, shares, rng) for counts in (used, raw - used))
    each = judged / np.maximum(used, 1)  # of a used exchange in its bucket
    parts = {}
    for at, name in enumerate(weights):
        factor = slower.get(name, 1.0)
        raw_part = _moved(used_by[at] + rest_by[at], factor)
        stalls = None
        if corrected is not None:
            stalls = replace(
                corrected,
                histograms={stage: _moved(np.rint(used_by[at] * each), factor)},
                used={stage: _moved(used_by[at], factor)},
            )
        parts[name] = RequestStages(
            weight=float(shares[at]),
            exchanges=raw_part.total,
            histograms={stage: raw_part},
            corrected=stalls,
        )
    whole = {stage: Histogram.merged(part.histograms[stage] for part in parts.values())}
    return replace(
        run,
        histograms=whole,
        corrected=_sum(corrected, stage, parts) if slower else corrected,
        load=replace(run.load, requests={n: _counts(part, stage) for n, part in parts.items()}),
        requests=parts,
    )


def _counts(part: RequestStages, stage: str) -> RequestCounts:
    """Nothing failed, and clients saw what the service did: neither is looked at here."""
    total = part.histograms[stage].total
    empty = Histogram.empty()
    return RequestCounts(total, total, total, 0, empty, Answers({}, empty, {}, 0, 0))


def _sum(
    corrected: StallCorrected | None, stage: str, parts: Mapping[str, RequestStages]
) -> StallCorrected | None:
    if corrected is None:
        return None
    stalls = [part.corrected for part in parts.values() if part.corrected is not None]
    return replace(
        corrected,
        histograms={stage: Histogram.merged(one.histograms[stage] for one in stalls)},
        used={stage: Histogram.merged(one.used[stage] for one in stalls)},
    )


def _dealt(counts: Ints, shares: npt.NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """Shape (names, buckets)."""
    found = np.zeros((shares.size, BUCKETS), dtype=np.int64)
    at = np.flatnonzero(counts > 0)
    found[:, at] = rng.multinomial(counts[at], shares).T
    return found


def _moved(counts: npt.NDArray[np.generic], factor: float) -> Histogram:
    """The histogram with all times ``factor`` times as long, from the buckets' middles."""
    whole = np.asarray(counts, dtype=np.int64)
    if factor == 1.0:
        return Histogram(whole.astype(np.uint64))
    edges = bucket_edges_ns()
    at = np.flatnonzero(whole)
    middle = (edges[at] + edges[at + 1] - 1) / 2
    moved = np.bincount(index_of(np.rint(middle * factor)), weights=whole[at], minlength=BUCKETS)
    return Histogram(np.rint(moved).astype(np.uint64))


def _ints(histogram: Histogram) -> Ints:
    return histogram.counts.astype(np.int64)
