"""What the evidence of one metric rests on: its clusters' log ratios, and how precise each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["Sample", "as_sample", "joined", "sample_of_units", "stacked"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The clusters of one metric on the log scale, in the order in which they were measured.

    ``d``, shape (..., clusters), is the candidate's mean log quantile less the baseline's;
    ``errors`` has its standard error, which must not tell the arms apart, or None where none is
    known.  Clusters of k + k containers also have ``contrasts``, shape (clusters, labelings): the
    same difference under each way to call k of them the candidate's, up to calling the others so,
    the true one first; ``overlaps``, shape (labelings,), is how much of a shift of the candidate
    each of them gets.  None of both where k is 1.
    """

    d: Floats
    errors: Floats | None = None
    contrasts: Floats | None = None
    overlaps: Floats | None = None

    @property
    def size(self) -> int:
        """How many clusters."""
        return int(self.d.shape[-1])

    @property
    def labelings(self) -> int:
        """In how many ways a cluster's containers can be labeled: the most that it can be worth."""
        return 2 if self.overlaps is None else 2 * int(self.overlaps.size)

    @property
    def containers(self) -> int:
        """How many containers of each arm a cluster has, the k of k + k."""
        return next(k for k in range(1, self.labelings + 1) if comb(2 * k, k) >= self.labelings)

    def mirrored(self) -> Sample:
        """With the arms swapped."""
        return self._with(-self.d, None if self.contrasts is None else -self.contrasts)

    def shifted(self, by: float) -> Sample:
        """With the candidate slower by ``by``."""
        if self.contrasts is None or self.overlaps is None:
            return self._with(self.d + by, None)
        return self._with(self.d + by, self.contrasts + by * self.overlaps)

    def widened(self, factor: float) -> Sample:
        """With all differences multiplied; the errors stay."""
        return self._with(
            self.d * factor, None if self.contrasts is None else self.contrasts * factor
        )

    def taken(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Sample:
        """The chosen clusters, of a sample with one axis."""
        return Sample(
            self.d[which],
            None if self.errors is None else self.errors[which],
            None if self.contrasts is None else self.contrasts[which],
            self.overlaps,
        )

    def same_as(self, other: Sample) -> bool:
        """Whether both hold equal numbers."""
        return self is other or all(
            np.array_equal(ours, theirs)
            if ours is not None and theirs is not None
            else ours is theirs
            for ours, theirs in (
                (self.d, other.d),
                (self.errors, other.errors),
                (self.contrasts, other.contrasts),
            )
        )

    def _with(self, d: Floats, contrasts: Floats | None) -> Sample:
        return replace(self, d=np.asarray(d), contrasts=contrasts)


def as_sample(d: Sample | npt.ArrayLike) -> Sample:
    """Plain log ratios are a sample of which no error is known.

    Raises `ValueError` unless d has an axis of clusters and is finite, and for errors of another
    shape or below 0; an infinite error means that nothing is known by that cluster.
    """
    sample = d if isinstance(d, Sample) else Sample(np.asarray(d, dtype=np.float64))
    if sample.d.ndim == 0:
        raise ValueError("log ratios have shape (..., pairs), not a single number")
    if not np.all(np.isfinite(sample.d)):
        raise ValueError("a log ratio is NaN or infinite")
    if sample.errors is not None:
        if sample.errors.shape != sample.d.shape:
            raise ValueError(f"errors have shape {sample.d.shape}, not {sample.errors.shape}")
        if not np.all(sample.errors >= 0):
            raise ValueError("a standard error is NaN or negative")
    return sample


def sample_of_units(units: npt.ArrayLike, errors: npt.ArrayLike | None = None) -> Sample:
    """The sample of clusters whose containers have these log quantiles, shape (clusters, 2, k).

    ``errors``, shape (clusters,), as of `Sample`.  Raises `ValueError` for another shape.
    """
    given = np.asarray(units, dtype=np.float64)
    if given.ndim != 3 or given.shape[1] != 2 or given.shape[2] < 1:
        raise ValueError(f"units have shape (clusters, 2, containers), not {given.shape}")
    known = None if errors is None else np.asarray(errors, dtype=np.float64)
    means = given.mean(axis=2)
    d = means[:, 1] - means[:, 0]
    containers = given.shape[2]
    if containers == 1:
        return as_sample(Sample(d, known))
    signs, overlaps = _labelings(containers)
    # About their own mean, so that large levels leave no rounding in small differences.
    centred = given - given.mean(axis=(1, 2), keepdims=True)
    contrasts = centred.reshape(given.shape[0], 2 * containers) @ signs.T
    return as_sample(Sample(d, known, contrasts, overlaps))


def stacked(samples: Sequence[Sample]) -> Sample:
    """Samples of equally many clusters as one with an axis before that of the clusters."""
    return _together(samples, np.stack)


def joined(samples: Sequence[Sample]) -> Sample:
    """Samples with one axis, one after the other."""
    return _together(samples, np.concatenate)


def _together(samples: Sequence[Sample], join: Callable[[list[Floats]], Floats]) -> Sample:
    """All have errors or contrasts, or none has."""
    errors = [one.errors for one in samples if one.errors is not None]
    contrasts = [one.contrasts for one in samples if one.contrasts is not None]
    return Sample(
        join([one.d for one in samples]),
        join(errors) if errors else None,
        join(contrasts) if contrasts else None,
        samples[0].overlaps,
    )


@lru_cache(maxsize=8)
def _labelings(containers: int) -> tuple[Floats, Floats]:
    """Signs over k, shape (labelings, 2 k), of each way up to its mirror image; and overlaps."""
    rows = []
    for chosen in combinations(range(2 * containers), containers):
        # Of a way and its mirror image the one that has the last container, a candidate's.
        if chosen[-1] == 2 * containers - 1:
            row = np.full(2 * containers, -1.0 / containers)
            row[list(chosen)] = 1.0 / containers
            rows.append(row)
    signs = np.array(rows[::-1])  # combinations end with the last k: the true one
    signs.setflags(write=False)
    overlaps = signs[:, containers:].sum(axis=1)
    overlaps.setflags(write=False)
    return signs, overlaps
