"""Noise of the whole response beside that of its first byte, on the same equal pairs, as markdown.

    python -m tests.benchmarks.response_noise --directory DIR

``ci/bench response`` records the pairs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from socklat_gate.measured.pair import ARMS, Pair
from tests.benchmarks.markdown import table
from tests.benchmarks.noise_pairs import QUANTILES, Floats, sd, usable
from tests.benchmarks.recorded import SUFFIX, load

STAGES = ("service", "response")
GOAL = 1.1
BOOTSTRAPS = 2000


def log_ratios(pairs: Sequence[Pair], stage: str) -> Floats:
    """Ln of candidate over baseline, of all exchanges; shape (pairs, quantiles)."""
    values = [
        [pair.arm(arm).histograms[stage].quantiles_ns(QUANTILES) for arm in ARMS] for pair in pairs
    ]
    logs = np.log(np.array(values))
    return np.asarray(logs[:, 1] - logs[:, 0])


def ratio_of_sds(pairs: Sequence[Pair], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """SD of ``response`` over that of ``service``, and its 95% interval over resampled pairs."""
    by_stage = [log_ratios(pairs, stage) for stage in STAGES]
    drawn = rng.integers(0, len(pairs), (BOOTSTRAPS, len(pairs)))
    again = [sd(by_stage[1][rows]) / sd(by_stage[0][rows]) for rows in drawn]
    bounds = np.quantile(np.array(again), [0.025, 0.975], axis=0)
    return sd(by_stage[1]) / sd(by_stage[0]), bounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    sets = [load(path) for path in sorted(parser.parse_args().directory.glob(f"*{SUFFIX}"))]
    rng = np.random.default_rng(20261128)
    rows, largest = [], 0.0
    for recorded in sets:
        pairs = usable(recorded)
        service, response = (sd(log_ratios(pairs, stage)) for stage in STAGES)
        ratio, (low, high) = ratio_of_sds(pairs, rng)
        largest = max(largest, float(ratio.max()))
        for at, quantile in enumerate(QUANTILES):
            rows.append(
                [
                    recorded.facts.set,
                    str(len(pairs)),
                    f"p{100 * quantile:g}",
                    f"{service[at]:.4f}",
                    f"{response[at]:.4f}",
                    f"{ratio[at]:.3f} [{low[at]:.3f}, {high[at]:.3f}]",
                ]
            )
    head = ["service", "pairs", "quantile", "SD of `service`", "SD of `response`", "ratio [95%]"]
    met = "met" if largest <= GOAL else "missed"
    sys.stdout.write(
        f"""# The whole response is as steady as its first byte

Written by `ci/bench response` on: {sets[0].facts.machine}. Pairs of one service with itself, SD of
the log ratio of the arms' quantiles, of all exchanges. Both stages are of the same exchanges of the
same pairs, so that the machine's noise is in both.

{table(head, rows)}

A response of one send, as these are, is handed over when that send begins: nothing of the way to
the client is in it, and both stages are the same number.

Goal: a ratio of at most {GOAL}. Largest: {largest:.3f}, {met}.
"""
    )


if __name__ == "__main__":
    main()
