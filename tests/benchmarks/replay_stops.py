"""How long a service must be watched until a stop that comes once a minute fails the job."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.markdown import table
from tests.benchmarks.recorded import SUFFIX, load
from tests.benchmarks.replay import replay

__all__ = ["HISTORY", "STOPPING", "stops"]

STOPPING, HISTORY = "api-stop", "api-same"
"""The set with stops, and the one whose baseline arms stand for stored campaigns of it."""

PAIRS = (10, 20, 40, 80)


def stops(directory: Path, jobs: int, seed: int) -> str:
    """A table in markdown: budget of pairs, all of which a PASS must wait for -> FAIL."""
    path, past = (directory / f"{name}{SUFFIX}" for name in (STOPPING, HISTORY))
    recorded = load(path)
    rules = recorded.facts.rules()
    length_s = recorded.pairs[0].candidate.duration_s
    rows = []
    for pairs in PAIRS:
        watched = rules.spikes.model_copy(update={"watch_s": pairs * length_s})
        budget = {"max_pairs": pairs, "max_minutes": 600.0, "spikes": watched}
        cells = [f"{pairs * length_s:.0f}"]
        for history in (None, past):
            done = replay(path, jobs, seed, history, rules.model_copy(update=budget))
            failed = done.decided.failed
            minutes = done.decided.fail_at[failed] * done.seconds / 60
            mean = f" ({minutes.mean():.1f})" if failed.any() else ""
            cells.append(f"{failed.mean():.1%}{mean}")
        rows.append([*cells, f"{pairs * recorded.facts.seconds_per_pair / 60:.1f}"])
    stored_s = sum(pair.baseline.duration_s for pair in load(past).pairs if not pair.set_aside)
    return table(
        [
            "gate.spikes.watch_s",
            "FAIL without history (mean minutes)",
            f"FAIL with {stored_s:.0f} s of stored campaigns (mean minutes)",
            "minutes at most",
        ],
        rows,
    )
