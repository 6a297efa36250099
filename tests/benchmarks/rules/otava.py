"""Apache Otava's rule, asked of Otava itself: a change point in a series of one value a run.

Otava pins other versions of numpy and scipy than this project uses, so it runs in an environment of
its own.  Its default is max_pvalue 0.001 with a window of 50.  The baseline's runs are the history,
the candidate's follow; an alarm is an upward change point in p50, p90 or p99.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.rules.rule import Rule
from tests.benchmarks.rules.sample import Sample

__all__ = ["OTAVA", "otava_rule"]

OTAVA = "Apache Otava"

MAX_PVALUES = (0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4, 1e-5)
"""Settings that are tried, from the loosest to the strictest; the default is one of them."""

PROGRAM = """
import json, sys
from otava.analysis import compute_change_points
for line in sys.stdin:
    series, levels = json.loads(line)
    found = []
    for level in levels:
        points, _ = compute_change_points(series, window_len=50, max_pvalue=level)
        found.append(any(point.stats.mean_2 > point.stats.mean_1 for point in points))
    print(json.dumps(found), flush=True)
"""


def otava_rule(python: Path) -> Rule:
    """The rule, by the interpreter of an environment that has apache-otava.

    Its score is -log10 of the strictest max_pvalue of `MAX_PVALUES` that still alarms.  Raises
    `subprocess.CalledProcessError` when Otava fails.
    """

    def score(sample: Sample) -> Floats:
        series = np.concatenate([sample.baseline_ns, sample.candidate_ns], axis=-1)
        jobs, metrics, _ = series.shape
        lines = [
            json.dumps([row.tolist(), MAX_PVALUES]) for row in series.reshape(-1, series.shape[-1])
        ]
        asked = subprocess.run(
            [python, "-c", PROGRAM],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=True,
        )
        alarms = np.array([json.loads(line) for line in asked.stdout.splitlines()])
        strictness = -np.log10(MAX_PVALUES)
        scores = np.where(alarms, strictness, 0.0).max(axis=1)
        return np.asarray(scores.reshape(jobs, metrics).max(axis=1))

    return Rule(
        OTAVA,
        "change point in the runs' p50, p90, p99, max_pvalue 0.001 each",
        3.0 - 1e-9,
        "max_pvalue",
        lambda threshold: f"{10**-threshold:.0e}",
        score,
    )
