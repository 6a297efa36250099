"""Failed requests, overload and other responses of recorded pairs, in thousands of jobs at once.

The rules are those of `verdict.counts` and `verdict.answers`; whether the responses differ is asked
once of the whole set, since a job holds its pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.scenario import Gate
from socklat_gate.verdict.answers import answer_differences
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.count_evidence import running_count_evidence
from socklat_gate.verdict.counts import (
    EXCESS_OF_NOTE,
    HOLDING,
    OVER_DISPERSED,
    OVERLOADS_OF_NOTE,
)
from socklat_gate.verdict.rates import dispersion_p, running_dispersion, running_rate_evidence

__all__ = [
    "CountTable",
    "CountedJobs",
    "count_table",
    "counted_jobs",
    "errors_decide",
    "overload_decides",
]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class CountTable:
    """Failed requests, requests due and overload of each run, shape (arms, pairs)."""

    gate: Gate
    failed: Floats
    due: Floats
    overloaded: Floats
    differ: bool


def count_table(pairs: Sequence[Pair], gate: Gate) -> CountTable:
    """The counts of pairs whose load a built-in driver sent."""
    loads = [[pair.arm(arm).load for pair in pairs] for arm in ARMS]
    baseline, candidate = ([pair.arm(arm) for pair in pairs] for arm in ARMS)
    return CountTable(
        gate,
        np.array([[load.errors for load in arm] for arm in loads], float),
        np.array([[load.planned for load in arm] for arm in loads], float),
        np.array([[load.overloaded for load in arm] for arm in loads], float),
        bool(answer_differences(baseline, candidate, gate)),
    )


@dataclass(frozen=True, slots=True)
class CountedJobs:
    """Log evidence of each job's counts, and whether a pass waits; all of shape (jobs, pairs).

    ``errors``: by single failures and by pairs; ``by_runs`` says which at a look (both None: not
    judged, as ``overload``).
    """

    errors: tuple[Floats, Floats] | None
    by_runs: Bools
    overload: Floats | None
    waits: Bools


def counted_jobs(known: CountTable, index: Ints, swapped: Bools) -> CountedJobs:
    """What the gate's counts say of the jobs."""
    arms = np.where(swapped, 1, 0), np.where(swapped, 0, 1)
    failed, due, overloaded = (
        np.array([table[arm, index] for arm in arms])
        for table in (known.failed, known.due, known.overloaded)
    )
    errors = overload = None
    by_runs = np.zeros(index.shape, dtype=np.bool_)
    waits = np.full(index.shape, known.differ)
    if known.gate.errors:
        single, by_pair, by_runs = error_evidence(failed, due)
        errors = single, by_pair
        waits = waits | errors_wait(failed, due, known.gate)
    if known.gate.capacity:
        overload = _by_sign(overloaded[1] - overloaded[0])
        waits = waits | overload_waits(overload, overloaded)
    return CountedJobs(errors, by_runs, overload, waits)


def error_evidence(failed: Floats, due: Floats) -> tuple[Floats, Floats, Bools]:
    """Log evidence by single failures and by pairs, and whether it goes by pairs at each look.

    ``failed`` requests of those ``due``, both of shape (arms, jobs, pairs).
    """
    theirs, ours = failed
    share = due[1] / due.sum(axis=0)
    moments = sum(
        (running_dispersion(x, of) for x, of in zip(failed, due, strict=True)), np.zeros(1)
    )
    by_pair = _by_sign(ours / due[1] - theirs / due[0])
    by_runs = np.asarray(dispersion_p(moments) < OVER_DISPERSED)
    return running_count_evidence(ours, theirs, share), by_pair, by_runs


def errors_wait(failed: Floats, due: Floats, gate: Gate) -> Bools:
    """Whether a pass waits for failed requests at each look."""
    theirs, ours = failed
    share = due[1] / due.sum(axis=0)
    plain = running_count_evidence(ours, theirs, share, most=math.inf)
    theirs_of, ours_of = np.cumsum(due, axis=-1)
    most = gammaincinv(np.cumsum(ours, axis=-1) + 1.0, 1.0 - gate.alpha_pass) / ours_of
    excess = most - np.cumsum(theirs, axis=-1) / theirs_of
    wait = (plain >= -math.log(gate.alpha_pass)) | ((plain > HOLDING) & (excess >= EXCESS_OF_NOTE))
    return np.asarray(wait)


def errors_decide(failed: Floats, due: Floats, gate: Gate) -> tuple[Bools, Bools]:
    """Whether errors alone fail each job at each look, and whether a pass waits for them."""
    single, by_pair, by_runs = error_evidence(failed, due)
    evidence = np.where(by_runs, *(np.maximum.accumulate(x, axis=-1) for x in (by_pair, single)))
    return np.asarray(evidence >= -math.log(gate.alpha_count)), errors_wait(failed, due, gate)


def overload_decides(overloaded: Floats, gate: Gate) -> tuple[Bools, Bools]:
    """The same by which arms are overloaded, 1 or 0, shape (arms, jobs, pairs)."""
    evidence = _by_sign(overloaded[1] - overloaded[0])
    fail = np.maximum.accumulate(evidence, axis=-1) >= -math.log(gate.alpha_count)
    return fail, overload_waits(evidence, overloaded)


def overload_waits(evidence: Floats, overloaded: Floats) -> Bools:
    """Whether a pass waits for capacity at each look."""
    often = np.cumsum(overloaded[1], axis=-1) > OVERLOADS_OF_NOTE * np.arange(
        1, overloaded.shape[-1] + 1
    )
    return np.asarray((evidence > HOLDING) & often)


def _by_sign(excess: Floats) -> Floats:
    return running_rate_evidence((excess > 0).astype(float), (excess < 0).astype(float), 0.5)
