"""When requests are due: at one rate, or in steps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.scenario.rate_steps import mean_rate, steps_of

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["arrivals_of", "expected_arrivals", "poisson_arrivals"]

F64 = npt.NDArray[np.float64]


def expected_arrivals(load: Load, end_ns: int, factor: float) -> float:
    """About how many are due in ``end_ns``, warm-up included, at ``factor`` times the rate."""
    window_s = max(0.0, end_ns / 1e9 - load.warmup_s)
    first = steps_of(load)[0][1]
    return factor * (first * load.warmup_s + mean_rate(load) * window_s)


def arrivals_of(load: Load, rng: np.random.Generator, end_ns: int, factor: float) -> F64:
    """Arrival times in ns at ``factor`` times the rate, ascending and reaching past ``end_ns``."""
    if not isinstance(load.rate, list):
        gap_ns = 1e9 / (mean_rate(load) * factor)
        if load.arrivals == "constant":
            return np.arange(int(np.ceil(end_ns / gap_ns)), dtype=np.float64) * np.float64(gap_ns)
        return poisson_arrivals(rng, gap_ns, end_ns)
    # A whole period more than there is time for, so that it is filled whatever its shape.
    many = expected_arrivals(load, end_ns + round(load.duration_s * 1e9), factor) + 1.0
    if load.arrivals == "constant":
        passed = np.arange(int(np.ceil(many)), dtype=np.float64)
    else:
        passed = poisson_arrivals(rng, 1.0, many)
    return _time_of(load, passed, factor)


def poisson_arrivals(
    rng: np.random.Generator, gap_ns: float, end_ns: float
) -> npt.NDArray[np.float64]:
    """Arrival times in ns, of mean gap ``gap_ns``, reaching past ``end_ns``."""
    expected = end_ns / gap_ns
    step = int(expected + 6 * np.sqrt(expected)) + 16
    times = np.cumsum(rng.exponential(gap_ns, step))
    while times[-1] < end_ns:
        # Summed on from the last, as one longer sum would be: a longer run begins the same.
        more = np.cumsum(np.append(times[-1], rng.exponential(gap_ns, step)))
        times = np.append(times, more[1:])
    return np.asarray(times, dtype=np.float64)


def _time_of(load: Load, passed: F64, factor: float) -> F64:
    """When so many requests are due in all, in ns from the begin of the warm-up.

    ``passed`` (ascending) counts requests of a load of ``factor`` times the rate.  Where arrivals
    of rate 1 are put at these times, they are those of the shape: of a Poisson process this is
    its inversion (Cinlar, Introduction to Stochastic Processes, 1975, section 4.7).
    """
    steps = steps_of(load)
    warmup_s, period_s = load.warmup_s, load.duration_s
    rates = np.array([step[1] for step in steps]) * factor
    begins = np.array([step[0] for step in steps])
    of_step = rates * np.diff([*begins, period_s])
    knots = np.concatenate([[0.0], np.cumsum(of_step)])
    of_period = float(knots[-1])
    of_warmup = float(rates[0] * warmup_s)
    in_window = np.maximum(passed - of_warmup, 0.0)
    period, rest = np.divmod(in_window, of_period)
    at = np.minimum(np.searchsorted(knots, rest, side="right") - 1, rates.size - 1)
    # A step of rate 0 is never found: its knots are one.
    busy_s = begins[at] + (rest - knots[at]) / rates[at]
    seconds = np.where(passed < of_warmup, passed / rates[0], warmup_s + period * period_s + busy_s)
    return np.asarray(seconds * 1e9, dtype=np.float64)
