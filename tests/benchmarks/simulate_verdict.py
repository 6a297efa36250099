"""Error rates and speed of the paired verdict under several kinds of noise, as a markdown table.

Run it as a script: ``python tests/benchmarks/simulate_verdict.py [--jobs 10000] [--seed 1]``.
A job is the default gate (p50, p90, p99 with their default zones) looking after every pair, up to
its budget of pairs.  The noise of a pair is shared half-and-half between the metrics.  Rows marked
"flipped" draw a coin per pair for the arm that gets the noise, as the gate does when it starts the
arms in random order; the rows without it show what that buys.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from gate.scenario import Gate
from gate.verdict.evidence import Floats, running_fail_evidence, running_pass_evidence
from gate.verdict.paired import default_scale

GATE = Gate()
PAIR_SD = (0.02, 0.04, 0.10)
"""SD of ln(candidate / baseline) of a pair, for p50, p90 and p99."""
DRIFT_SD = 1.0
"""A drift runs from minus to plus this many pair SDs over the budget."""
AR1 = 0.3
CI_NEEDED = 2 / 0.05

Noise = Callable[[np.random.Generator, int, int], Floats]


def normal(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """Standard normal, shape (metrics, jobs, pairs), correlation 0.5 between metrics."""
    own = rng.standard_normal((len(PAIR_SD), jobs, pairs))
    return math.sqrt(0.5) * (own + rng.standard_normal((jobs, pairs)))


def heavy_tailed(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """10% of the pairs have 5 times the noise."""
    wild = rng.random((jobs, pairs)) < 0.1
    return normal(rng, jobs, pairs) * np.where(wild, 5.0, 1.0)


def autocorrelated(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """AR(1) over the pairs, unit variance from the first pair on."""
    shocks = normal(rng, jobs, pairs) * math.sqrt(1 - AR1**2)
    shocks[..., 0] /= math.sqrt(1 - AR1**2)
    return np.asarray(lfilter([1.0], [1.0, -AR1], shocks, axis=-1))


def drifting(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """Linear drift on top of normal noise."""
    return normal(rng, jobs, pairs) + np.linspace(-DRIFT_SD, DRIFT_SD, pairs)


def flipped(noise: Noise) -> Noise:
    """The same noise, given to either arm by a coin flip per pair."""

    def draw(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
        return np.asarray(noise(rng, jobs, pairs) * rng.choice([-1.0, 1.0], (jobs, pairs)))

    return draw


NOISES: dict[str, Noise] = {
    "normal": normal,
    "heavy-tailed (10% of pairs x5)": heavy_tailed,
    f"AR(1) {AR1}, flipped": flipped(autocorrelated),
    "linear drift, flipped": flipped(drifting),
    f"AR(1) {AR1}, not flipped": autocorrelated,
    "linear drift, not flipped": drifting,
}


def first_pairs(noise: Floats, changes: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Pairs until FAIL and until PASS of each job, inf when never; log changes by metric."""
    fail = np.full(noise.shape[1], np.inf)
    passed = np.zeros(noise.shape[1])
    for metric, sd, values, change in zip(GATE.metrics, PAIR_SD, noise, changes, strict=True):
        d, scale = sd * values + change, default_scale(metric)
        e_fail = running_fail_evidence(d, math.log1p(metric.tolerance), scale)
        e_pass = running_pass_evidence(d, math.log1p(metric.failure), scale)
        fail = np.minimum(fail, first(e_fail, len(GATE.metrics) / GATE.alpha))
        passed = np.maximum(passed, first(e_pass, 1.0 / GATE.alpha_pass))
    return fail, passed


def first(log_evidence: Floats, needed: float) -> Floats:
    """Number of the pair at which each job reaches the threshold, inf when never."""
    reached = log_evidence >= math.log(needed)
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def covered(noise: Floats) -> float:
    """Share of jobs whose 95% interval of p99 holds the truth at every look."""
    d, scale = PAIR_SD[-1] * noise[-1], default_scale(GATE.metrics[-1])
    missed = first(running_fail_evidence(d, 0.0, scale), CI_NEEDED)
    missed = np.minimum(missed, first(running_pass_evidence(d, 0.0, scale), CI_NEEDED))
    return float(np.isinf(missed).mean())


def row(name: str, draw: Noise, jobs: int, seed: int) -> str:
    """One line of the table."""
    noise = draw(np.random.default_rng(seed), jobs, GATE.max_pairs)
    d0 = tuple(math.log1p(metric.tolerance) for metric in GATE.metrics)
    d1 = tuple(math.log1p(metric.failure) for metric in GATE.metrics)
    fail_same, pass_same = first_pairs(noise, (0.0,) * len(d0))
    fail_d0, pass_d0 = first_pairs(noise, d0)
    # The hardest case for PASS: one metric at its failure limit, the others unchanged.
    fail_one, pass_one = first_pairs(noise, (0.0,) * (len(d1) - 1) + d1[-1:])
    fail_far, pass_far = first_pairs(noise, tuple(1.5 * x for x in d1))
    cells = [
        f"{(fail_same <= pass_same)[np.isfinite(fail_same)].sum() / jobs:.2%}",
        f"{(fail_d0 <= pass_d0)[np.isfinite(fail_d0)].sum() / jobs:.2%}",
        f"{(pass_one < fail_one).mean():.2%}",
        _median(np.where(pass_same < fail_same, pass_same, np.inf)),
        _median(np.where(fail_far <= pass_far, fail_far, np.inf)),
        f"{covered(noise):.2%}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _median(pairs: Floats) -> str:
    middle = float(np.median(pairs))
    return f"{middle:.0f}" if math.isfinite(middle) else f"> {GATE.max_pairs}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    zones = ", ".join(f"{m.name} {m.tolerance:.0%}/{m.failure:.0%}" for m in GATE.metrics)
    lines = [
        f"{options.jobs} jobs a row, up to {GATE.max_pairs} pairs, a look after every pair; "
        f"{zones}; pair SD {', '.join(map(str, PAIR_SD))}; limits: false FAIL {GATE.alpha:.0%}, "
        f"false PASS {GATE.alpha_pass:.0%}, coverage 95% at all looks together.",
        "",
        "| noise | false FAIL, no change | false FAIL, all at tolerance | false PASS, p99 at "
        "failure | median pairs to PASS, no change | median pairs to FAIL, 1.5 x failure | "
        "coverage of p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(name, draw, options.jobs, options.seed) for name, draw in NOISES.items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
