"""Where the time went: which stage carries the change in a slice of the distribution.

The kernel keeps, per coarse band of ``service`` latency, the count and the sum of every stage, and
``service = recv_wait + app`` holds exchange by exchange.  So for any slice of the exchanges, taken
from the fastest to the slowest, the stages' mean times add up to the mean service time.  The band
on a slice's edge counts with the fraction of its exchanges that lie inside; its stages are taken
to be mixed evenly, so where the arms' bands differ, an unchanged stage can show a small change.

Time on dependency sockets is part of ``app``, but is kept per socket of the dependency rather than
per exchange, so it has no bands: only its total per exchange, over the whole distribution, can be
held against the change of ``app``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from socklat_gate.measured.attribution import COMPONENTS, Attribution, StageShare
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import Bands
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_ids, cluster_means
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.interval import confidence_interval

__all__ = ["COMPONENTS", "SLICES", "attribute", "slice_means_ns"]

SLICES: tuple[tuple[str, float, float], ...] = (
    ("middle", 0.25, 0.75),
    ("slowest 10%", 0.90, 1.0),
    ("slowest 1%", 0.99, 1.0),
)
"""Name and the ranks between which a slice lies, as shares of the exchanges."""

NAMED_SHARE = 0.5
DEPEND = "depend"


def attribute(
    pairs: Sequence[Pair],
    components: Sequence[str] = COMPONENTS,
    *,
    clusters: ClusterIds | None = None,
) -> tuple[Attribution, ...]:
    """One `Attribution` per slice over the pairs not excluded; () when no pair has exchanges.

    The numbers are Hodges-Lehmann estimates over the pairs of each pair's means: the pair is the
    unit of inference, and one disturbed pair holds most of the pooled slowest exchanges and most
    of a mean over pairs.  The slice's change is the sum of its parts.  A stage is named when it
    carries more than half of the change and the 95% intervals of both the change and the stage's
    part of it (`verdict.interval`; by ``clusters`` of all the given pairs) lie on its side of 0,
    so never before 5 clusters.  Where ``app`` is named and time on dependency sockets explains more
    than half of what it changed by, in the same sense, "depend" is named instead.  A description,
    not a gate: the slices are not corrected for being three.  The shares sum to 1, and are all 0
    when nothing changed.  Corrected bands are used where both arms have them.

    Raises `ValueError` when ``service`` or a component is missing from the bands.
    """
    clusters = cluster_ids(pairs) if clusters is None else clusters
    kept = [
        at
        for at, pair in enumerate(pairs)
        if not pair.excluded and all(pair.arm(arm).bands.count.any() for arm in ARMS)
    ]
    if not kept:
        return ()
    used, groups = [pairs[at] for at in kept], clusters[kept]
    stages = ("service", *components)
    depend = _depend(used, groups)
    return tuple(_one_slice(used, groups, stages, depend, *bounds) for bounds in SLICES)


def slice_means_ns(bands: Bands, stages: Sequence[str], low: float, high: float) -> Floats:
    """Mean ns per exchange of each stage between the ranks low and high; shape (stages,).

    Raises `ValueError` without exchanges, for an unknown stage, or unless 0 <= low < high <= 1.
    """
    missing = [stage for stage in stages if stage not in bands.stages]
    if missing:
        raise ValueError(f"the bands hold {', '.join(bands.stages)}, not {', '.join(missing)}")
    if not 0 <= low < high <= 1:
        raise ValueError(f"a slice lies between two ranks in [0, 1], not {low} and {high}")
    used = np.flatnonzero(bands.count)
    if used.size == 0:
        raise ValueError("bands without exchanges have no slices")
    count = bands.count[used].astype(np.float64)
    upper = np.cumsum(count)
    total = upper[-1]
    inside = np.minimum(upper, high * total) - np.maximum(upper - count, low * total)
    weight = np.clip(inside, 0.0, count) / count
    columns = [bands.stages.index(stage) for stage in stages]
    sums = weight @ bands.sums_ns[used][:, columns].astype(np.float64)
    return np.asarray(sums / ((high - low) * total))


def _one_slice(
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    stages: Sequence[str],
    depend: StageShare | None,
    name: str,
    low: float,
    high: float,
) -> Attribution:
    # shape (pairs, arms, stages)
    means = np.array(
        [[slice_means_ns(bands, stages, low, high) for bands in _bands_of(pair)] for pair in pairs]
    )
    deltas = means[:, 1, :] - means[:, 0, :]
    columns = range(1, len(stages))
    changes = [_centre(deltas[:, column], clusters) for column in columns]
    total_change = sum(changes)
    shares = tuple(
        _share(
            stages[column], means[:, 0, column], deltas[:, column], change, total_change, clusters
        )
        for column, change in zip(columns, changes, strict=True)
    )
    largest = max(shares, key=lambda part: part.share)
    agreed = _one_sided(*_interval(deltas[:, 0], clusters), total_change)
    named = largest.stage if _carries(largest) and agreed else None
    if named == "app" and depend is not None and _carries(depend):
        named = DEPEND
    return Attribution(name, total_change, shares, named, depend)


def _share(
    stage: str,
    baseline: Floats,
    deltas: Floats,
    change_ns: float,
    whole_ns: float,
    clusters: ClusterIds,
) -> StageShare:
    """A stage's part of a change, from ns by pair; ``change_ns`` is the centre of ``deltas``."""
    before_ns = _centre(baseline, clusters)
    share = change_ns / whole_ns if whole_ns != 0 else 0.0
    return StageShare(stage, before_ns, before_ns + change_ns, share, *_interval(deltas, clusters))


def _bands_of(pair: Pair) -> tuple[Bands, ...]:
    """Bands of both arms: the corrected ones if both have exchanges in them, else the raw ones."""
    corrected = [
        run.corrected.bands
        for arm in ARMS
        if (run := pair.arm(arm)).corrected is not None and run.corrected.bands.count.any()
    ]
    if len(corrected) == len(ARMS):
        return tuple(corrected)
    return tuple(pair.arm(arm).bands for arm in ARMS)


def _depend(pairs: Sequence[Pair], clusters: ClusterIds) -> StageShare | None:
    """Time on dependency sockets per exchange, its share being of the change of ``app``.

    None unless every run measured it: a mean over some pairs only is not comparable.
    """
    if not all(DEPEND in pair.arm(arm).histograms for pair in pairs for arm in ARMS):
        return None
    # shape (pairs, arms): raw numbers throughout, because depend has no correction of its own
    depend, app = (np.zeros((len(pairs), len(ARMS))) for _ in range(2))
    for row, pair in enumerate(pairs):
        for column, arm in enumerate(ARMS):
            run = pair.arm(arm)
            if "app" not in run.bands.stages:
                return None
            spent = run.histograms[DEPEND]
            exchanges = float(run.bands.count.sum())
            depend[row, column] = (spent.mean_ns() * spent.total if spent.total else 0) / exchanges
            app[row, column] = slice_means_ns(run.bands, ("app",), 0.0, 1.0)[0]
    deltas, of = depend[:, 1] - depend[:, 0], _centre(app[:, 1] - app[:, 0], clusters)
    return _share(DEPEND, depend[:, 0], deltas, _centre(deltas, clusters), of, clusters)


def _centre(values_ns: Floats, clusters: ClusterIds) -> float:
    return hodges_lehmann(cluster_means(values_ns, clusters))


def _interval(deltas_ns: Floats, clusters: ClusterIds) -> tuple[float, float]:
    return confidence_interval(cluster_means(deltas_ns, clusters))


def _carries(part: StageShare) -> bool:
    change_ns = part.candidate_ns - part.baseline_ns
    return part.share > NAMED_SHARE and _one_sided(part.low_ns, part.high_ns, change_ns)


def _one_sided(low: float, high: float, change: float) -> bool:
    """Whether an interval excludes 0, on the side of the change."""
    return low > 0 if change > 0 else high < 0 if change < 0 else False
