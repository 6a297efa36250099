"""CPU time of one look at a job: 60 pairs, 15 stages, 6 quantiles each, and ten times the pairs.

Run it as a script: ``python tests/benchmarks/verdict_speed.py``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import get_args

import numpy as np

from socklat_gate.measured.pair import Pair
from socklat_gate.scenario.gating import Gate, Metric, Stage
from socklat_gate.verdict.decide import decide
from tests.unit.verdict.builders import pair_of, scaled_run

QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
STAGES = get_args(Stage)
PAIRS = 60
REPEATS = 3


def gate() -> Gate:
    """Every stage at every quantile."""
    return Gate(
        metrics=[
            Metric(stage=stage, quantile=quantile, tolerance=0.02, regression_threshold=0.05)
            for stage in STAGES
            for quantile in QUANTILES
        ]
    )


def pairs(count: int) -> list[Pair]:
    """Pairs without a change and 3% noise, with a histogram for every stage."""
    rng = np.random.default_rng(1)
    found = []
    for index, change in enumerate(rng.normal(0.0, 0.03, count)):
        runs = [
            replace(run, histograms=dict.fromkeys(STAGES, run.histograms["service"]))
            for run in (scaled_run(0.0), scaled_run(float(change)))
        ]
        found.append(pair_of(*runs, index))
    return found


def main() -> None:
    """Print the fastest of a few looks."""
    limits = gate()
    for count in (PAIRS, 10 * PAIRS):
        seen = pairs(count)
        took_s = []
        for _ in range(REPEATS):
            started_s = time.process_time()
            decide(seen, limits)
            took_s.append(time.process_time() - started_s)
        size = f"{count} pairs x {len(STAGES)} stages x {len(QUANTILES)} quantiles"
        print(f"{size}: {min(took_s):.2f} s of CPU time")


if __name__ == "__main__":
    main()
