"""Error rates, coverage and power of the paired verdict under several kinds of noise, as markdown.

Run it as a script: ``python tests/benchmarks/simulate_verdict.py [--jobs 10000] [--seed 1]``.
A job is the default gate looking after every pair, up to its budget of pairs.  The noise of a pair
is shared half-and-half between the metrics.  Rows marked "flipped" draw a coin per pair for the arm
that gets the noise, as the gate does when it starts the arms in random order; the rows without it
show what that buys.  Rare spikes are in `tests.benchmarks.simulate_spikes`, failed requests and
capacity in `tests.benchmarks.simulate_counts`, the coins of stalls in
`tests.benchmarks.simulate_labels`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import numpy as np

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.power import mde
from socklat_gate.verdict.sample import Sample
from tests.benchmarks import simulate_counts, simulate_labels, simulate_spikes
from tests.benchmarks.simulated_jobs import (
    CPU,
    D0,
    D1,
    GATE,
    NO_CHANGE,
    NOISES,
    PAIR_SD,
    UNFLIPPED,
    ZONES,
    Noise,
    coverage,
    decided,
    half_found,
    only,
    uneven,
    widths,
)

MDE_JOBS = 2000


def error_row(name: str, draw: Noise, jobs: int, seed: int) -> list[str]:
    """False FAIL, false PASS and how soon."""
    rng = np.random.default_rng(seed)
    noise = draw(rng, jobs, GATE.max_pairs)
    spikes = simulate_spikes.false_alarms_at(rng, jobs, GATE.max_pairs)
    known = draw is uneven
    same, at_d0 = (decided(noise, at, spikes, known=known) for at in (NO_CHANGE, D0))
    false_pass = max(
        decided(noise, only(i, D1[i]), known=known).wrongly_passed for i in range(len(ZONES))
    )
    cpu = decided(noise, only(CPU, D1[CPU]), known=known)
    far = decided(noise, tuple(1.5 * x for x in D1), known=known)
    return [
        name,
        f"{same.failed.mean():.2%}",
        f"{at_d0.failed.mean():.2%}",
        f"{false_pass:.2%}",
        f"{cpu.failed.mean():.1%}",
        _median(np.where(same.passed < same.fail, same.passed, np.inf)),
        _median(np.where(far.failed, far.fail, np.inf)),
    ]


def coverage_row(name: str, draw: Noise, jobs: int, seed: int) -> list[str]:
    """Coverage at all looks together, least to most over the metrics, and relative width."""
    noise = draw(np.random.default_rng(seed), jobs, GATE.max_pairs)
    known = draw is uneven
    found = coverage(decided(noise, NO_CHANGE, known=known), NO_CHANGE)
    cells = [name, f"{min(found):.1%} - {max(found):.1%}"]
    for changes in (NO_CHANGE, tuple(1.5 * x for x in D1)):
        wider = widths(decided(noise, changes, known=known))
        cells.append(" / ".join(f"{x:.2f}" if math.isfinite(x) else "-" for x in wider))
    return cells


def mde_row(name: str, draw: Noise, jobs: int, seed: int) -> list[str]:
    """Predicted at the end of unchanged jobs (median) and truly found in half of the jobs."""
    noise = draw(np.random.default_rng(seed), min(jobs, MDE_JOBS), GATE.max_pairs)
    same = decided(noise, NO_CHANGE, known=draw is uneven)
    cells = [name]
    for metric, zone in enumerate(ZONES):
        sample = same.samples[metric]
        found = [
            mde(_first_pairs(sample, job, pairs), zone, GATE.max_pairs)
            for job, pairs in enumerate(same.ended[:200].tolist())
        ]
        predicted = math.expm1(float(np.median(found)))
        truth = half_found(same, metric)
        cells.append(f"{predicted:.1%} / {truth:.1%} ({predicted / truth - 1:+.0%})")
    return cells


def _first_pairs(sample: Sample, job: int, pairs: int) -> Sample:
    errors = None if sample.errors is None else sample.errors[job, :pairs]
    return Sample(sample.d[job, :pairs], errors)


def _median(pairs: Floats) -> str:
    middle = float(np.median(pairs))
    return f"{middle:.0f}" if math.isfinite(middle) else f"> {GATE.max_pairs}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A markdown table."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    args = options.jobs, options.seed
    zones = ", ".join(
        f"{m.name} {m.tolerance:.0%}/{m.regression_threshold:.0%}" for m in GATE.metrics
    )
    names = [metric.name for metric in GATE.metrics]
    lines = [
        f"{options.jobs} jobs a row, up to {GATE.max_pairs} pairs, a look after every pair; "
        f"{zones}; pair SD {', '.join(map(str, PAIR_SD))}.",
        "",
        "## Errors",
        "",
        f"Limits: false FAIL {GATE.alpha:.0%} of the jobs, all metrics and spikes together; false "
        f"PASS {GATE.alpha_pass:.0%}. The last two rows break the condition that the rules stand "
        "on.",
        "",
        *table(
            [
                "noise",
                "false FAIL, no change",
                "false FAIL, all at tolerance",
                "false PASS, one metric at failure (worst of 4)",
                "FAIL, only CPU +3%",
                "median pairs to PASS, no change",
                "median pairs to FAIL, 1.5 x failure",
            ],
            [error_row(name, draw, *args) for name, draw in {**NOISES, **UNFLIPPED}.items()],
        ),
        "## The interval",
        "",
        "Coverage of the interval at all looks together, up to the budget of pairs, least to most "
        "over the metrics, whatever the change is; and its width at the end of a job over that of "
        "a 95% interval for a fixed number of pairs (Wilcoxon's), median of 200 jobs, by metric "
        "(-: one is unbounded).",
        "",
        *table(
            [
                "noise",
                "coverage",
                "width, no change",
                "width, 1.5 x failure",
            ],
            [coverage_row(name, draw, *args) for name, draw in NOISES.items()],
        ),
        "## The smallest change that would be found",
        "",
        f"Predicted at the end of a job without change (median of 200) / truly failed by half of "
        f"{min(options.jobs, MDE_JOBS)} jobs when only this metric changes.",
        "",
        *table(["noise", *names], [mde_row(name, draw, *args) for name, draw in NOISES.items()]),
        *simulate_spikes.report(*args),
        *simulate_counts.report(*args),
        *simulate_labels.report(max(1, options.jobs // 50), options.seed),
    ]
    sys.stdout.write("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
