"""The exposure after which a pause once a minute fails the job."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.markdown import table
from tests.benchmarks.recorded import SUFFIX, load
from tests.benchmarks.replay import Replayed, replay

__all__ = ["HISTORY", "STOPPING", "stops", "stored_s", "watching"]

STOPPING, HISTORY = "api-stop", "api-same"
"""The set with pauses, and the one whose baseline arms stand for stored campaigns of it."""

PAIRS = (10, 20, 40, 80)


def watching(directory: Path, pairs: int, jobs: int, seed: int, *, history: bool) -> Replayed:
    """Jobs with so large a budget of pairs, all of which a PASS must wait for."""
    path, past = (directory / f"{name}{SUFFIX}" for name in (STOPPING, HISTORY))
    recorded = load(path)
    rules = recorded.facts.rules()
    watch_s = pairs * recorded.pairs[0].candidate.duration_s
    budget = {
        "max_pairs": pairs,
        "max_minutes": 600.0,
        "spikes": rules.spikes.model_copy(update={"watch_s": watch_s}),
    }
    return replay(path, jobs, seed, past if history else None, rules.model_copy(update=budget))


def stored_s(directory: Path) -> float:
    """Seconds that the history holds."""
    pairs = load(directory / f"{HISTORY}{SUFFIX}").pairs
    return sum(pair.baseline.duration_s for pair in pairs if not pair.excluded)


def stops(directory: Path, jobs: int, seed: int) -> str:
    """A table in markdown: time watched -> FAIL."""
    rows = []
    for pairs in PAIRS:
        cells, minutes = [], 0.0
        for history in (False, True):
            done = watching(directory, pairs, jobs, seed, history=history)
            failed = done.decided.failed
            taken = done.decided.fail_at[failed] * done.seconds / 60
            mean = f" ({taken.mean():.1f})" if failed.any() else ""
            cells.append(f"{failed.mean():.1%}{mean}")
            minutes = pairs * done.seconds / 60
        rows.append([f"{done.known.gate.spikes.watch_s:.0f}", *cells, f"{minutes:.1f}"])
    return table(
        [
            "gate.spikes.watch_s",
            "FAIL without history (mean minutes)",
            f"FAIL with {stored_s(directory):.0f} s of stored campaigns (mean minutes)",
            "minutes at most",
        ],
        rows,
    )
