"""Where the time went: which stage carries the change in a slice of the distribution.

The kernel keeps, per coarse band of ``response`` latency, the count and the sum of every stage, and
``response = recv_wait + app + respond`` holds exchange by exchange.  So for any slice of the
exchanges, taken from the fastest to the slowest, the stages' mean times add up to the mean of it.
(In runs measured before there was that stage it is ``service``, and without ``respond``.)  The band
on a slice's edge counts with the fraction of its exchanges that lie inside; its stages are taken
to be mixed evenly, so where the arms' bands differ, an unchanged stage can show a small change.

What a service waits for others is part of ``app``, but has no bands: see `verdict.waits`.  Time in
which a request came in pieces (``upload``) is part of ``recv_wait`` and ``app`` and has bands: it
is the time of the request's sender, not of the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from socklat_gate.measured.attribution import COMPONENTS, Attribution, StageShare
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import Bands
from socklat_gate.verdict.band_means import slice_means_ns
from socklat_gate.verdict.clusters import ClusterIds, cluster_ids
from socklat_gate.verdict.log_ratios import request_pairs
from socklat_gate.verdict.shares import Grouped, carries, one_sided
from socklat_gate.verdict.waits import Waits, waits_of

__all__ = ["COMPONENTS", "SLICES", "attribute", "attribute_request"]

SLICES: tuple[tuple[str, float, float], ...] = (
    ("middle", 0.25, 0.75),
    ("slowest 10%", 0.90, 1.0),
    ("slowest 1%", 0.99, 1.0),
)
"""Name and the ranks between which a slice lies, as shares of the exchanges."""

UPLOAD = "upload"
UPLOADING = ("recv_wait", "app")
"""The stages that time in which a request came in is part of."""


def attribute(
    pairs: Sequence[Pair],
    *,
    clusters: ClusterIds | None = None,
) -> tuple[Attribution, ...]:
    """One `Attribution` per slice over the pairs not excluded; () when no pair has exchanges.

    () also of times by the load driver's clock, of which nobody knows the parts.

    The numbers are Hodges-Lehmann estimates over the pairs of each pair's means: the pair is the
    unit of inference, and one disturbed pair holds most of the pooled slowest exchanges and most
    of a mean over pairs.  The slice's change is the sum of its parts.  A stage is named when it
    carries more than half of the change and the 95% intervals of both the change and the stage's
    part of it lie on its side of 0: by ``clusters`` of all the given pairs (`verdict.interval`), so
    never before 5 pairs, or by the containers of fewer blocks (`verdict.labeling_interval`).  Where
    ``app`` is named and time on dependency sockets explains more
    than half of what it changed by, in the same sense, "depend" is named instead; else "internal",
    with the port, where time on a port inside the container does (`verdict.waits`); else "upload",
    where that explains more than half of the slice's change, as for ``recv_wait``.  A description,
    not a gate: the slices are not corrected for being three.  The shares sum to 1, and are all 0
    when nothing changed.  Corrected bands are used where both arms have them.

    Raises `ValueError` when the whole or a component is missing from the bands.
    """
    clusters = cluster_ids(pairs) if clusters is None else clusters
    kept = [
        at
        for at, pair in enumerate(pairs)
        if not pair.excluded and all(pair.arm(arm).bands.count.any() for arm in ARMS)
    ]
    if not kept:
        return ()
    if any(CLIENT in bands.stages for at in kept for bands in _bands_of(pairs[at])):
        return ()  # of the driver's clock no part is known
    used = [pairs[at] for at in kept]
    grouped = Grouped.of(used, clusters[kept])
    stages: tuple[str, ...] = ("response", *COMPONENTS)
    if not all("response" in bands.stages for pair in used for bands in _bands_of(pair)):
        stages = ("service", *(part for part in COMPONENTS if part != "respond"))
    waits = waits_of(used, grouped)
    return tuple(_one_slice(used, grouped, stages, waits, *bounds) for bounds in SLICES)


def attribute_request(
    pairs: Sequence[Pair], request: str, clusters: ClusterIds
) -> tuple[Attribution, ...]:
    """As `attribute`, by the exchanges of one named request; () where its bands are not known.

    Waiting for others is of no name, so that it stays a part of ``app`` here.
    """
    parts = request_pairs(pairs, request)
    return tuple(replace(one, request=request) for one in attribute(parts, clusters=clusters))


def _one_slice(
    pairs: Sequence[Pair],
    grouped: Grouped,
    stages: Sequence[str],
    waits: Waits,
    name: str,
    low: float,
    high: float,
) -> Attribution:
    # shape (pairs, arms, stages)
    means = np.array(
        [[slice_means_ns(bands, stages, low, high) for bands in _bands_of(pair)] for pair in pairs]
    )
    parts = {stage: means[:, :, at] for at, stage in enumerate(stages) if at}
    total_change = sum(map(grouped.change, parts.values()))
    shares = tuple(grouped.share_of(stage, by_arm, total_change) for stage, by_arm in parts.items())
    largest = max(shares, key=lambda part: part.share)
    agreed = one_sided(*grouped.interval(means[:, :, 0]), total_change)
    named, port = waits.named(largest.stage if carries(largest) and agreed else None)
    upload = _upload(pairs, grouped, total_change, low, high)
    if named in UPLOADING and upload is not None and carries(upload):
        named = UPLOAD
    return Attribution(
        name, total_change, shares, named, waits.depend, dict(waits.internal), port, upload
    )


def _upload(
    pairs: Sequence[Pair], grouped: Grouped, whole_ns: float, low: float, high: float
) -> StageShare | None:
    """Time in which requests came in pieces; None where none did, or it was not measured."""
    found = [bands for pair in pairs for bands in _bands_of(pair)]
    if not all(UPLOAD in bands.stages for bands in found):
        return None
    means = np.array([slice_means_ns(bands, (UPLOAD,), low, high)[0] for bands in found])
    if not means.any():
        return None
    return grouped.share_of(UPLOAD, means.reshape(len(pairs), len(ARMS)), whole_ns)


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
