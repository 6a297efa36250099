"""Does a reference container measured beside a campaign make campaigns comparable?

    python -m tests.benchmarks.normalisation > docs/lab/normalisation.md

Recorded sets were measured a few pairs of each in turn, so each round is a campaign of every
service at about the same time.  If days (rounds) differ by a factor that all services share,
dividing by another service's value takes it out; otherwise it adds that service's own noise.
"""

from __future__ import annotations

import sys
from itertools import permutations

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.run_values import metric_value
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import AT_ONCE
from tests.benchmarks.recorded import load

Floats = npt.NDArray[np.float64]

SERVICES = ("redis-same", "nginx-same", "api-same")
METRICS = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("cpu", None))


def campaigns(name: str, quantile: float | None) -> Floats:
    """Mean log value of the baseline arm in each round, shape (rounds,)."""
    runs = [pair.baseline for pair in load(name).pairs]
    stage = "cpu" if quantile is None else "service"
    values = np.log([metric_value(run, stage, quantile) for run in runs])
    whole = len(values) // AT_ONCE
    return np.asarray(values[: whole * AT_ONCE].reshape(whole, AT_ONCE).mean(axis=1))


def main() -> None:
    rows = []
    changes = []
    for name, other in permutations(SERVICES, 2):
        cells = []
        for _, quantile in METRICS:
            own, reference = campaigns(name, quantile), campaigns(other, quantile)
            rounds = min(own.size, reference.size)
            plain = own[:rounds].std(ddof=1)
            divided = (own[:rounds] - reference[:rounds]).std(ddof=1)
            changes.append(divided / plain)
            cells.append(f"{plain:.3f} -> {divided:.3f}")
        rows.append([name, other, str(rounds), *cells])
    smaller, larger = sum(x < 1 for x in changes), sum(x > 1 for x in changes)
    sys.stdout.write(
        f"""# Normalising stored campaigns by a reference container

Written by `ci/bench normalisation` from tests/data/pairs. SD between campaigns ({AT_ONCE} runs
each) of the log value of the baseline arm, plain and divided by that of another service measured
minutes before or after.

{table(["service", "divided by", "campaigns", *(name for name, _ in METRICS)], rows)}

Of {len(changes)} cases {smaller} have a smaller SD divided, {larger} a larger one; the factors go
from {min(changes):.2f} to {max(changes):.2f} with a median of {np.median(changes):.2f}.
"""
    )


if __name__ == "__main__":
    main()
