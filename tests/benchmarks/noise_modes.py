"""The noise study's first part: what the ways to interleave do to a pair's noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from socklat_gate.measured.pair import Pair
from tests.benchmarks.markdown import table
from tests.benchmarks.noise_pairs import judged, sd, usable
from tests.benchmarks.recorded import Recorded

__all__ = ["modes"]

MODES = ("request", "slice", "block")
FEWEST = 3


def modes(known: Mapping[str, Recorded]) -> Iterator[str]:
    """Lines of markdown."""
    rows = []
    for name in ("redis-same", "nginx-same", "api-same"):
        for mode in MODES:
            pairs = _pairs(known, mode, name)
            if not pairs:
                continue
            seconds = known[f"{mode}.{name}"].facts.seconds_per_pair
            spread = sd([judged(pair) for pair in pairs])
            rows.append(
                [
                    name,
                    f"`{mode}`",
                    str(len(pairs)),
                    f"{seconds:.1f}",
                    *(f"{x:.3f}" for x in spread),
                    *(f"{x * np.sqrt(seconds / 60):.3f}" for x in spread),
                ]
            )
    yield table(
        [
            *("service", "mode", "pairs", "s a pair", "SD p50", "SD p90", "SD p99", "SD cpu"),
            *("p50 a minute", "p90", "p99", "cpu"),
        ],
        rows,
    )
    yield ""
    yield "A known effect, `api-p50-5`, in each mode: mean of the ln ratio, its standard error, and"
    yield "what is left of the size that it has when no arm runs beside another."
    yield ""
    alone = _pairs(known, "block", "api-p50-5")
    size = np.mean([judged(pair) for pair in alone], axis=0) if alone else np.full(4, np.nan)
    rows = []
    for mode in MODES:
        pairs = _pairs(known, mode, "api-p50-5")
        if not pairs:
            continue
        d = np.array([judged(pair) for pair in pairs])
        error = sd(list(d)) / np.sqrt(len(d))
        cells = (
            f"{m:+.4f} ({e:.4f}), {m / s:.0%}"
            for m, e, s in zip(d.mean(axis=0), error, size, strict=True)
        )
        rows.append([f"`{mode}`", str(len(d)), *cells])
    yield table(["mode", "pairs", "p50", "p90", "p99", "cpu"], rows)


def _pairs(known: Mapping[str, Recorded], mode: str, name: str) -> list[Pair]:
    """Usable pairs, none when they are too few to say anything."""
    recorded = known.get(f"{mode}.{name}")
    pairs = [] if recorded is None else usable(recorded)
    return pairs if len(pairs) >= FEWEST else []
