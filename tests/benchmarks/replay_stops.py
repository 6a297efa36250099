"""The exposure after which a pause once a minute fails the job."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.markdown import table
from tests.benchmarks.recorded import SUFFIX, load
from tests.benchmarks.replay import Replayed, replay

__all__ = ["STOPPING", "stops", "watching"]

STOPPING = "api-stop"
"""The set with pauses."""

PAIRS = (20, 40, 80, 160)


def watching(directory: Path, pairs: int, jobs: int, seed: int) -> Replayed:
    """Jobs with so large a budget of pairs, all of which a PASS must wait for."""
    path = directory / f"{STOPPING}{SUFFIX}"
    recorded = load(path)
    rules = recorded.facts.rules()
    watch_s = pairs * recorded.pairs[0].candidate.duration_s
    budget = {
        "max_pairs": pairs,
        "max_minutes": 600.0,
        "spikes": rules.spikes.model_copy(update={"watch_s": watch_s}),
    }
    return replay(path, jobs, seed, rules.model_copy(update=budget))


def stops(directory: Path, jobs: int, seed: int) -> str:
    """A table in markdown: time watched -> FAIL."""
    rows = []
    for pairs in PAIRS:
        done = watching(directory, pairs, jobs, seed)
        failed = done.decided.failed
        taken = done.decided.fail_at[failed] * done.seconds / 60
        mean = f" ({taken.mean():.1f})" if failed.any() else ""
        minutes = f"{pairs * done.seconds / 60:.1f}"
        rows.append(
            [f"{done.known.gate.spikes.watch_s:.0f}", f"{failed.mean():.1%}{mean}", minutes]
        )
    return table(["gate.spikes.watch_s", "FAIL (mean minutes)", "minutes at most"], rows)
