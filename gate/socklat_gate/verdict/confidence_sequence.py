"""The interval that is shown of a change: those changes that the evidence does not speak against.

For any change theta on the log scale E_F(theta) is the evidence that the true one is larger and
E_P(theta) that it is smaller: those of `verdict.evidence` with theta for d0 and for d1.  So

    low  = the largest theta for which E_F(theta) ever reached its threshold,
    high = the smallest theta for which E_P(theta) ever reached its threshold

is a confidence sequence (Howard and Ramdas, arXiv 1906.09712): by Ville's inequality the truth is
ever below ``low`` with a chance of 1 / threshold at most, and ever above ``high`` likewise, at all
looks together and whenever a job ends.

It takes the evidence of the verdict, so it cannot contradict it.  ``high`` has the level of a pass,
5%: a metric that passed has its interval below the regression threshold, and of pairs no other has
(a pass by blocks takes more, see `verdict.starts`).  ``low`` has 2.5% (`LOW_THRESHOLD`), less than
the evidence that fails a metric, so what failed lies above its tolerance.  What lies there and has
not failed is slower at 2.5%, which is not enough for the gate's alpha.  At that alpha ``low`` would
say little in a job that fails as soon as it can: a few pairs that carry just enough evidence say
"beyond the tolerance", however far beyond they are.

Where e-BH names R metrics (`verdict.together`), ``low`` is that for the threshold that these have
reached, 1 / alpha_k over R, if that is less, and so lies above the tolerance as well.  Of intervals
that are chosen in this way the expected share of wrong ones is bounded as e-BH bounds that of
names (Xu, Wang and Ramdas, arXiv 2203.12572).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.evidence import RATES, WEIGHTED_RATES, log_weights, variances
from socklat_gate.verdict.sample import Sample, stacked

__all__ = ["LOW_THRESHOLD", "Bound", "lower_bounds"]

Ints = npt.NDArray[np.intp]

LOW_THRESHOLD = 40.0
"""Evidence that excludes a smaller change than the true one."""

FAR = 64.0
"""In units of the scale: so far from all log ratios, evidence is all that so many can give."""

PRECISION = 2e-3
"""Of an end, in units of the scale."""

ROUNDS = 100

MOST = 1e300
"""Larger evidence counts as this: only whether it is enough matters."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a lower bound rests on: evidence by ``sample`` and ``raw`` that the change is larger.

    The two are the same object where nothing was corrected.  ``threshold`` is the logarithm of the
    evidence that excludes a change.  ``anchor`` is the change that the verdict is about, and
    ``reached`` whether it is excluded: the bound lies on that side of it.  An upper bound is the
    negative lower one of the mirrored samples.
    """

    sample: Sample
    raw: Sample
    scale: float
    threshold: float
    anchor: float
    reached: bool


def lower_bounds(bounds: Sequence[Bound]) -> list[float]:
    """The lower bound of each; -inf while no change is excluded.

    Those of equally many clusters are found at once: a gate may have hundreds.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for at, bound in enumerate(bounds):
        alike.setdefault(_shape(bound), []).append(at)
    found = [-math.inf] * len(bounds)
    for group in alike.values():
        members = [bounds[at] for at in group]
        if members[0].sample.size:
            for at, low in zip(group, _lower(members).tolist(), strict=True):
                found[at] = low
    return found


def _shape(bound: Bound) -> tuple[object, ...]:
    both = (bound.sample, bound.raw)
    return (
        bound.sample is bound.raw,
        bound.sample.size,
        *((sample.labelings, sample.errors is None) for sample in both),
    )


def _lower(bounds: Sequence[Bound]) -> Floats:
    scale = np.array([bound.scale for bound in bounds])
    needed = np.array([bound.threshold for bound in bounds])
    anchor = np.array([bound.anchor for bound in bounds])
    reached = np.array([bound.reached for bound in bounds])
    samples = [stacked([bound.sample for bound in bounds])]
    if bounds[0].sample is not bounds[0].raw:
        samples.append(stacked([bound.raw for bound in bounds]))
    evidence = [_Evidence.of(one, scale) for one in samples]

    def excess(theta: Floats, rows: Ints) -> Floats:
        """Logarithm of the largest evidence against "at most theta", less what is needed."""
        total = sum((one.running(theta, rows) for one in evidence), start=np.zeros(1))
        largest = np.minimum(total.max(axis=-1) / len(evidence), MOST)
        return np.asarray(np.log(largest) - needed[rows])

    every = np.concatenate([one.d for one in samples], axis=-1)
    # No evidence that the change is larger than the largest of all log ratios.
    least, most = every.min(axis=-1), every.max(axis=-1) + PRECISION * scale
    low = np.where(reached, anchor, np.minimum(least, anchor) - FAR * scale)
    high = np.where(reached, np.maximum(most, anchor), np.minimum(most, anchor))
    at_low = np.where(reached, 0.0, excess(low, np.arange(low.size)))
    open_ = np.flatnonzero(at_low >= 0.0)
    bracket = _Bracket(low, np.maximum(at_low, 0.0), high, -needed)
    found = np.full(low.shape, -np.inf)
    found[open_] = _last_above(excess, bracket, open_, least, PRECISION * scale)[open_]
    return found


@dataclass(slots=True)
class _Bracket:
    """Falling functions are ``at_low`` >= 0 at ``low`` and ``at_high`` < 0 at ``high``."""

    low: Floats
    at_low: Floats
    high: Floats
    at_high: Floats

    def narrow(self, rows: Ints, trial: Floats, found: Floats) -> None:
        """An end that stays while the other one moves has its value halved (Illinois)."""
        up, down = rows[found >= 0.0], rows[found < 0.0]
        self.low[up], self.at_low[up] = trial[found >= 0.0], found[found >= 0.0]
        self.high[down], self.at_high[down] = trial[found < 0.0], found[found < 0.0]
        self.at_high[up] /= 2.0
        self.at_low[down] /= 2.0


def _last_above(
    excess: Callable[[Floats, Ints], Floats],
    bracket: _Bracket,
    rows: Ints,
    guess: Floats,
    precision: Floats,
) -> Floats:
    """Where the functions of ``rows`` are still >= 0, just before they get below; regula falsi.

    Every third step halves the interval.  One step is about ``guess``, where the end mostly lies.
    """
    one = bracket
    for step in range(ROUNDS):
        rows = rows[one.high[rows] - one.low[rows] > precision[rows]]
        if not rows.size:
            break
        low, high = one.low[rows], one.high[rows]
        if step == 0:
            trial = np.clip(guess[rows], low, high)
        elif step % 3 == 2:
            trial = (low + high) / 2.0
        else:
            at_low, at_high = one.at_low[rows], one.at_high[rows]
            trial = low + (high - low) * at_low / (at_low - at_high)
            # Not so close to an end that the other one would have to come the whole way.
            least = precision[rows] / 3.0
            trial = np.clip(trial, low + least, high - least)
        one.narrow(rows, trial, excess(trial, rows))
    return one.low


@dataclass(frozen=True, slots=True)
class _Evidence:
    """E_F of stacked samples for any theta, by products: one exponential for all l.

    Each rate of both kinds is twice the one before, so that its power is the square.  ``kinds`` has
    the first l of each kind and how many follow.
    """

    sample: Sample
    kinds: tuple[tuple[Floats, int], ...]

    @classmethod
    def of(cls, sample: Sample, scale: Floats) -> _Evidence:
        width = scale[:, np.newaxis]
        kinds = [(np.asarray(RATES[0] / width), len(RATES))]
        if sample.errors is not None:
            first = WEIGHTED_RATES[0] * width / variances(sample.errors, width)
            kinds.append((first, len(WEIGHTED_RATES)))
        return cls(sample, tuple(kinds))

    def running(self, theta: Floats, rows: Ints) -> Floats:
        """Of some samples, shape (rows, clusters); an overflow rightly is evidence of 0."""
        weights = iter(np.exp(log_weights(sum(count for _, count in self.kinds))))
        distance = self._distance(theta, rows)
        total: Floats = np.zeros((rows.size, self.sample.size))
        with np.errstate(over="ignore", divide="ignore"):
            for first, count in self.kinds:
                rate = first[rows]
                power = np.exp((rate if distance.ndim == 2 else rate[..., np.newaxis]) * distance)
                for step in range(count):
                    if step:
                        power *= power
                    inverse = power.mean(axis=-1) if power.ndim == 3 else 0.5 + 0.5 * power
                    total += next(weights) / np.cumprod(inverse, axis=-1)
        return total

    def _distance(self, theta: Floats, rows: Ints) -> Floats:
        """S' - S of each labeling, (rows, clusters, labelings), or -2 x, (rows, clusters)."""
        at = theta[:, np.newaxis]
        contrasts, overlaps = self.sample.contrasts, self.sample.overlaps
        if contrasts is None or overlaps is None:
            return np.asarray(2.0 * (at - self.sample.d[rows]))
        shifted = contrasts[rows] - at[..., np.newaxis] * overlaps
        return np.asarray(np.concatenate([shifted, -shifted], axis=-1) - shifted[..., :1])
