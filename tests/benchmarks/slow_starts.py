"""Jobs by pairs and by blocks on candidates that are slow in some of their starts, simulated.

A container's log quantile has the noise of its own sampling, which is that of a pair times the root
of k as each got 1/k of the load, and what its start brought.  Jobs are decided by the gate's own
evidence of p50 with the default zone, look by look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

import numpy as np

from socklat_gate.verdict.evidence import (
    Floats,
    running_fail_evidence,
    running_pass_evidence,
    strictest_fail_evidence,
)
from socklat_gate.verdict.sample import sample_of_units
from socklat_gate.verdict.starts import blocks_to_pass
from tests.benchmarks.markdown import table

JOBS = 2000
BUDGET = 40
SLOWER = math.log(1.5)
PAIR_SD, START_SD = 0.012, 0.008
D0, D1 = math.log(1.02), math.log(1.05)
THRESHOLD_FAIL, THRESHOLD_PASS = 400.0, 20.0


@dataclass(frozen=True)
class Ended:
    """How a job ended, ``pass``, ``fail`` or ``open``, and after how many looks."""

    outcome: str
    looks: int


def job(rng: np.random.Generator, containers: int, share: float) -> Ended:
    """One job whose candidate is slow in that share of its starts."""
    shape = (BUDGET, 2, containers)
    own_sd = math.hypot(PAIR_SD * math.sqrt(containers / 2), START_SD)
    units = rng.normal(0, own_sd, shape)
    units[:, 1] += SLOWER * (rng.random((BUDGET, containers)) < share)
    return decided(units)


def decided(units: Floats) -> Ended:
    """As `verdict.decide` would, as far as one metric goes."""
    looks, _, containers = units.shape
    sample = sample_of_units(units, np.full(looks, PAIR_SD))
    fail = running_fail_evidence(sample, D0, D1 - D0)
    passing = running_pass_evidence(sample, D1, D1 - D0)
    if containers == 1:
        passing = np.maximum.accumulate(passing)
    for at in range(looks):
        if fail[at] >= math.log(THRESHOLD_FAIL):
            return Ended("fail", at + 1)
        if passing[at] < math.log(THRESHOLD_PASS) or blocks_to_pass(containers, at + 1):
            continue
        if strictest_fail_evidence(sample.taken(np.arange(at + 1)), D0, D1 - D0) <= 0:
            return Ended("pass", at + 1)
    return Ended("open", looks)


def slow_starts_table(seed: int = 20261129) -> str:
    """How jobs end by k and by the share of slow starts."""
    rng = np.random.default_rng(seed)
    rows = []
    for share in (0.0, 0.05, 0.2):
        for containers in (1, 2, 4):
            jobs = [job(rng, containers, share) for _ in range(JOBS)]
            ends = [sum(one.outcome == name for one in jobs) for name in ("pass", "fail", "open")]
            passed = [one.looks for one in jobs if one.outcome == "pass"]
            rows.append(
                [
                    f"{share:.0%}",
                    f"{containers} + {containers}",
                    *(f"{end / JOBS:.1%}" for end in ends),
                    f"{median(passed):g}" if passed else "-",
                ]
            )
    head = ["slow starts", "block", "pass", "fail", "open after 40", "blocks to a pass"]
    return table(head, rows)
