"""Error rates and power of the test for rare spikes, looking after every pair; many jobs at once.

A run has a Poisson number of spikes; with over-dispersion its rate is a gamma variable, a new one
for every run of either arm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from socklat_gate.scenario import Gate
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.rates import (
    RUNS_WITH_EVENTS,
    capped_counts,
    dispersion_p,
    running_dispersion,
    running_rate_evidence,
    runs_are_clusters,
    sign_counts,
)

__all__ = ["false_alarms_at", "report"]

GATE = Gate()
USUAL_RATE = 0.1
"""Spikes a run where a job's other errors are simulated: one in 80 s."""
SHAPES = {"Poisson": None, "over-dispersed (gamma, shape 2)": 2.0, "(gamma, shape 0.5)": 0.5}


@dataclass(frozen=True)
class Counts:
    """Events (2, jobs, pairs) of baseline and candidate, and by pair what stored runs add."""

    events: Floats
    stored: Floats
    stored_times: float


def drawn(
    rng: np.random.Generator,
    jobs: int,
    pairs: int,
    rate: float,
    *,
    ratio: float = 1.0,
    shape: float | None = None,
    stored_times: float = 0.0,
) -> Counts:
    """Jobs at a mean rate a run of the reference, which stored runs observed ``stored_times``."""
    mean = np.array([rate, ratio * rate])[:, np.newaxis, np.newaxis]
    stored_rate = np.full((jobs, pairs), stored_times * rate)
    if shape is not None:
        mean = mean * rng.gamma(shape, 1 / shape, (2, jobs, pairs))
        if stored_times:
            stored_rate *= rng.gamma(
                shape * stored_times, 1 / (shape * stored_times), (jobs, pairs)
            )
    events = rng.poisson(np.broadcast_to(mean, (2, jobs, pairs))).astype(float)
    return Counts(events, rng.poisson(stored_rate).astype(float), stored_times)


def first_fail(counts: Counts) -> Floats:
    """Pair at which each job fails by its spikes, inf when never; shape (jobs,)."""
    events, pairs = counts.events, counts.events.shape[-1]
    exposure_s, stored_s = np.ones((2, pairs)), np.full(pairs, counts.stored_times)
    p = dispersion_p(sum((running_dispersion(arm, np.ones(pairs)) for arm in events), np.zeros(1)))
    capped = running_rate_evidence(*capped_counts(events, exposure_s, counts.stored, stored_s))
    signs = running_rate_evidence(*sign_counts(events, exposure_s))
    evidence = np.where(
        runs_are_clusters(p, np.cumsum(events.mean(axis=0), axis=-1) / np.arange(1, pairs + 1)),
        np.maximum.accumulate(signs, axis=-1),
        np.maximum.accumulate(capped, axis=-1),
    )
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
        f"{GATE.alpha_spikes:.1%}, the spikes' half of alpha, may.",
        "",
        "| spikes a run | runs | no change | no change, 20 times stored | rate x3 | rate x10 |",
        "|---|---|---|---|---|---|",
    ]
    for rate in (0.02, 0.1, 0.5, 2.0, 8.0):
        for name, shape in SHAPES.items():
            cells = [
                np.isfinite(first_fail(drawn(rng, jobs, pairs, rate, shape=shape, **more))).mean()
                for more in ({}, {"stored_times": 20.0}, {"ratio": 3.0}, {"ratio": 10.0})
            ]
            same = [f"{cell:.2%}" for cell in cells[:2]]
            more = [f"{cell:.0%}" for cell in cells[2:]]
            lines.append(f"| {rate:g} | {name} | {' | '.join([*same, *more])} |")
    lines += [
        "",
        "None in 20 times the exposure, stored: the candidate's spike at which the job fails.",
        "",
        "| candidate's spikes a run | jobs with a second spike | fail at the second | fail |",
        "|---|---|---|---|",
    ]
    lines += [_second_row(rng, jobs, pairs, rate) for rate in (0.02, 0.05, 0.1, 0.2)]
    return [*lines, ""]


def _second_row(rng: np.random.Generator, jobs: int, pairs: int, rate: float) -> str:
    """Of jobs that had a second spike, how many failed at once; the reference has none."""
    ours = rng.poisson(rate, (jobs, pairs)).astype(float)
    nothing = np.zeros((jobs, pairs))
    # 20 times the candidate's exposure in all: its own pair's baseline run is one of them.
    at = first_fail(Counts(np.array([nothing, ours]), nothing, 19.0))
    running = np.cumsum(ours, axis=1)
    second = np.where((running >= 2).any(axis=1), (running >= 2).argmax(axis=1) + 1.0, np.inf)
    had = np.isfinite(second)
    at_once, ever = (at[had] <= second[had]).mean(), np.isfinite(at[had]).mean()
    return f"| {rate:g} | {had.mean():.0%} | {at_once:.0%} | {ever:.0%} |"
