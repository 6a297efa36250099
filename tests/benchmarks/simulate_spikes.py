"""Error rates and power of the test for rare spikes, looking after every pair; many jobs at once.

A run has a Poisson number of spikes; with over-dispersion its rate is a gamma variable, a new one
for every run of either arm.
"""

from __future__ import annotations

import math

import numpy as np

from socklat_gate.scenario import Gate
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.rates import (
    EVENTS_PER_RUN,
    RUNS_WITH_EVENTS,
    capped_counts,
    dispersion_p,
    running_dispersion,
    running_rate_evidence,
    runs_are_clusters,
    sign_counts,
)

__all__ = ["drawn", "false_alarms_at", "first_fail", "first_fail_poured", "report"]

GATE = Gate()
USUAL_RATE = 0.1
"""Spikes a run where a job's other errors are simulated: one in 80 s."""
HISTORY_TIMES = 20.0
SHAPES = {"Poisson": None, "over-dispersed (gamma, shape 2)": 2.0, "(gamma, shape 0.5)": 0.5}


def drawn(
    rng: np.random.Generator,
    jobs: int,
    pairs: int,
    rate: float,
    *,
    ratio: float = 1.0,
    shape: float | None = None,
) -> Floats:
    """Events (2, jobs, pairs) of baseline and candidate at a mean rate a run of the baseline."""
    mean = np.array([rate, ratio * rate])[:, np.newaxis, np.newaxis]
    if shape is not None:
        mean = mean * rng.gamma(shape, 1 / shape, (2, jobs, pairs))
    return rng.poisson(np.broadcast_to(mean, (2, jobs, pairs))).astype(float)


def first_fail(events: Floats) -> Floats:
    """Pair at which each job fails by its spikes, inf when never; shape (jobs,)."""
    pairs = events.shape[-1]
    exposure_s = np.ones((2, pairs))
    p = dispersion_p(sum((running_dispersion(arm, np.ones(pairs)) for arm in events), np.zeros(1)))
    capped = running_rate_evidence(*capped_counts(events, exposure_s))
    signs = running_rate_evidence(*sign_counts(events, exposure_s))
    evidence = np.where(
        runs_are_clusters(p, np.cumsum(events.mean(axis=0), axis=-1) / np.arange(1, pairs + 1)),
        np.maximum.accumulate(signs, axis=-1),
        np.maximum.accumulate(capped, axis=-1),
    )
    return _when(evidence, events)


def first_fail_poured(events: Floats) -> Floats:
    """The same, had a history without spikes added 20 times the exposure to the reference."""
    ours, theirs = (np.minimum(events[arm], EVENTS_PER_RUN) for arm in (1, 0))
    evidence = running_rate_evidence(ours, theirs, 1.0 / (1.0 + 1.0 + HISTORY_TIMES))
    return _when(np.maximum.accumulate(evidence, axis=-1), events)


def _when(evidence: Floats, events: Floats) -> Floats:
    in_runs = np.cumsum(events[1] > 0, axis=-1) >= RUNS_WITH_EVENTS
    failed = (evidence >= -math.log(GATE.alpha_spikes)) & in_runs
    return np.where(failed.any(axis=1), failed.argmax(axis=1) + 1.0, np.inf)


def false_alarms_at(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """When jobs without a change fail by their spikes, as a part of the job's error rate."""
    return first_fail(drawn(rng, jobs, pairs, USUAL_RATE))


def report(jobs: int, seed: int) -> list[str]:
    """Markdown: false alarms and power."""
    rng = np.random.default_rng(seed)
    pairs = GATE.max_pairs
    lines = [
        "## Rare spikes",
        "",
        f"Share of the jobs of {pairs} pairs that fail by spikes. Without a change at most "
        f"{GATE.alpha_spikes:.1%}, the spikes' half of alpha, may. These are also the jobs whose "
        "stored campaigns had no spike while the machine of today has them: in the last column, "
        f"what would fail if {HISTORY_TIMES:.0f} times the exposure of such campaigns were the "
        "reference's.",
        "",
        "| spikes a run | runs | no change | rate x3 | rate x10 | no change, history poured in |",
        "|---|---|---|---|---|---|",
    ]
    for rate in (0.02, 0.1, 0.5, 2.0, 8.0):
        for name, shape in SHAPES.items():
            same, three, ten = (
                drawn(rng, jobs, pairs, rate, shape=shape, ratio=ratio) for ratio in (1, 3, 10)
            )
            cells = [
                f"{_share(first_fail(same)):.2%}",
                f"{_share(first_fail(three)):.0%}",
                f"{_share(first_fail(ten)):.0%}",
                f"{_share(first_fail_poured(same)):.0%}",
            ]
            lines.append(f"| {rate:g} | {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _share(at: Floats) -> float:
    return float(np.isfinite(at).mean())
