"""Where the time went: which stage carries the change in a slice of the distribution.

The kernel keeps, per coarse band of ``service`` latency, the count and the sum of every stage, and
``service = recv_wait + app`` holds exchange by exchange.  So for any slice of the exchanges, taken
from the fastest to the slowest, the stages' mean times add up to the mean service time.  The band
on a slice's edge counts with the fraction of its exchanges that lie inside; its stages are taken
to be mixed evenly, so where the arms' bands differ, an unchanged stage can show a small change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc

from gate.campaign import ARMS, Bands, Pair
from gate.verdict.evidence import Floats
from gate.verdict.model import Attribution, StageShare

__all__ = ["COMPONENTS", "SLICES", "attribute", "slice_means_ns"]

COMPONENTS = ("recv_wait", "app")
"""The stages that ``service`` is the sum of."""

SLICES: tuple[tuple[str, float, float], ...] = (
    ("middle", 0.25, 0.75),
    ("slowest 10%", 0.90, 1.0),
    ("slowest 1%", 0.99, 1.0),
)
"""Name and the ranks between which a slice lies, as shares of the exchanges."""

SIGN_TEST_LEVEL = 0.05
NAMED_SHARE = 0.5


def attribute(
    pairs: Sequence[Pair], components: Sequence[str] = COMPONENTS
) -> tuple[Attribution, ...]:
    """One `Attribution` per slice over the pairs not set aside; () when no pair has exchanges.

    The numbers are means over the pairs, each pair counting alike, because the pair is the unit of
    inference and one disturbed pair holds most of the pooled slowest exchanges.  A stage is named
    when it carries more than half of the change and both the change and the stage's part of it
    have the same sign in enough pairs (two-sided sign test at 5%, so never before 6 pairs).
    A description, not a gate: the slices are not corrected for being three.  The shares sum to 1,
    and are all 0 when nothing changed.

    Raises `ValueError` when ``service`` or a component is missing from the bands.
    """
    used = [
        pair
        for pair in pairs
        if not pair.set_aside and all(pair.arm(arm).bands.count.any() for arm in ARMS)
    ]
    if not used:
        return ()
    stages = ("service", *components)
    return tuple(_one_slice(used, stages, *bounds) for bounds in SLICES)


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
    pairs: Sequence[Pair], stages: Sequence[str], name: str, low: float, high: float
) -> Attribution:
    # shape (pairs, arms, stages)
    means = np.array(
        [[slice_means_ns(pair.arm(arm).bands, stages, low, high) for arm in ARMS] for pair in pairs]
    )
    deltas = means[:, 1, :] - means[:, 0, :]
    baseline_ns, candidate_ns = means.mean(axis=0)
    change = deltas.mean(axis=0)
    # Clamped clocks can leave service off the sum by a little; the shares are of the parts' sum.
    parts = float(change[1:].sum())
    shares = change[1:] / parts if parts != 0 else np.zeros(len(stages) - 1)
    largest = int(np.argmax(shares))
    named = (
        stages[1 + largest]
        if shares[largest] > NAMED_SHARE
        and _consistent(deltas[:, 0], float(change[0]))
        and _consistent(deltas[:, 1 + largest], float(change[1 + largest]))
        else None
    )
    rows = zip(stages[1:], baseline_ns[1:], candidate_ns[1:], shares, strict=True)
    return Attribution(
        slice=name,
        delta_ns=float(change[0]),
        shares=tuple(StageShare(s, float(b), float(c), float(share)) for s, b, c, share in rows),
        stage=named,
    )


def _consistent(deltas: npt.NDArray[np.float64], mean: float) -> bool:
    """Whether the pairs agree on the sign of the mean: two-sided sign test, zeros left out."""
    nonzero = int(np.count_nonzero(deltas))
    agreeing = int(np.count_nonzero(deltas * np.sign(mean) > 0))
    if 2 * agreeing <= nonzero:
        return False
    # As exact as scipy.stats.binomtest, whose import would take every command half a second.
    return bool(2.0 * bdtrc(agreeing - 1, nonzero, 0.5) < SIGN_TEST_LEVEL)
