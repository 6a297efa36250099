"""What one change explains of a series, and how much of that noise alone would: AR(1), simulated.

The gain is in profile likelihood: of one ramp, one step, or a step there and back (a regression
that was mended) over no change, each with the autocorrelation that suits it best.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["AUTOCORRELATIONS", "SIDE", "SIMULATED", "change_gain", "null_gains"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

AUTOCORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
SIDE = 3
"""Fewest campaigns on either side of a step, so that one odd campaign is not a change."""

SIMULATED = 5000
TAIL_DEGREES = 8.0
"""Degrees of freedom of the simulated noise: a little heavier-tailed than normal."""


@lru_cache(maxsize=32)
def null_gains(size: int, seed: int) -> Floats:
    """Sorted gains of simulated series without a change; shape (autocorrelations, SIMULATED)."""
    rng = np.random.default_rng([seed, size])
    rows = []
    for rho in AUTOCORRELATIONS:
        noise = rng.standard_t(TAIL_DEGREES, (SIMULATED, size))
        noise[:, 1:] *= math.sqrt(1.0 - rho * rho)
        for at in range(1, size):
            noise[:, at] += rho * noise[:, at - 1]
        rows.append(np.sort(change_gain(noise)[0]))
    return np.array(rows)


def change_gain(series: Floats) -> tuple[Floats, Bools, tuple[Ints, Ints]]:
    """Log-likelihood gained by the best change, whether it is a ramp, else the raised interval.

    ``series`` has shape (series, campaigns), all results have shape (series,).  There and back is
    looked at in the one interval that fits best without autocorrelation.
    """
    count, size = series.shape
    every, at = np.arange(count), np.arange(size)
    firsts, lasts = _best_intervals(series)
    back = ((at >= firsts[:, np.newaxis]) & (at < lasts[:, np.newaxis])).astype(np.float64)
    without = np.full(count, -np.inf)
    with_change = np.full(count, -np.inf)
    model = np.zeros(count, dtype=np.intp)
    # Constant parts leave no residual at all.
    least = np.finfo(np.float64).tiny
    for rho, (whiten, level, changes) in zip(AUTOCORRELATIONS, _designs(size), strict=True):
        white = _free_of(level, series @ whiten.T)
        residual = (white**2).sum(axis=1)
        white_back = _free_of(level, back @ whiten.T)
        length = np.maximum(np.linalg.norm(white_back, axis=1), least)
        along_back = (white * white_back).sum(axis=1) / length
        explained = np.column_stack([white @ changes.T, along_back]) ** 2
        best = explained.argmax(axis=1)
        rest = np.maximum(residual - explained[every, best], residual * 1e-15 + least)
        determinant = 0.5 * math.log(1.0 - rho * rho)
        without = np.maximum(without, determinant - size / 2 * np.log(residual + least))
        likelihood = determinant - size / 2 * np.log(rest)
        model = np.where(likelihood > with_change, best, model)
        with_change = np.maximum(with_change, likelihood)
    is_back = model == _designs(size)[0][2].shape[0]
    first = np.where(is_back, firsts, SIDE + model - 1)
    return with_change - without, model == 0, (first, np.where(is_back, lasts, size))


def _best_intervals(series: Floats) -> tuple[Ints, Ints]:
    """First and one past the last value of the inner interval whose mean is farthest from the rest.

    ``series`` has shape (series, campaigns), the results (series,); empty intervals when no inner
    one leaves `SIDE` on both sides.
    """
    count, size = series.shape
    every = np.arange(count)
    sums = np.cumsum(series - series.mean(axis=1, keepdims=True), axis=1)
    most = np.full(count, -1.0)
    firsts = np.zeros(count, dtype=np.intp)
    lasts = np.zeros(count, dtype=np.intp)
    for length in range(SIDE, size - 2 * SIDE + 1):
        # Column j holds the sum of the values from SIDE + j on.
        inside = sums[:, SIDE + length - 1 : size - SIDE] - sums[:, SIDE - 1 : size - SIDE - length]
        best = np.abs(inside).argmax(axis=1)
        explained = inside[every, best] ** 2 / (length * (size - length))
        better = explained > most
        most = np.where(better, explained, most)
        firsts = np.where(better, SIDE + best, firsts)
        lasts = np.where(better, SIDE + best + length, lasts)
    return firsts, lasts


@lru_cache(maxsize=32)
def _designs(size: int) -> tuple[tuple[Floats, Floats, Floats], ...]:
    """Per autocorrelation: the whitening matrix, the whitened level, and the changes.

    The changes, shape (1 + steps, size), are a ramp and a step after each campaign that leaves
    `SIDE` on either side; whitened, free of the level, and of length 1.
    """
    at = np.arange(size)
    steps = [at >= first for first in range(SIDE, size - SIDE + 1)]
    changes = np.array([at, *steps], dtype=np.float64)
    designs = []
    for rho in AUTOCORRELATIONS:
        whiten = np.eye(size) - rho * np.eye(size, k=-1)
        whiten[0, 0] = math.sqrt(1.0 - rho * rho)
        level = whiten.sum(axis=1)
        level = level / np.linalg.norm(level)
        white = _free_of(level, changes @ whiten.T)
        designs.append((whiten, level, white / np.linalg.norm(white, axis=1, keepdims=True)))
    return tuple(designs)


def _free_of(level: Floats, rows: Floats) -> Floats:
    """Rows without their part along ``level``, which has length 1."""
    return np.asarray(rows - np.outer(rows @ level, level))
