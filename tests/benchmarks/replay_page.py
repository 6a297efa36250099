"""The gate's rule replayed on recorded pairs: error rates, power and time, as markdown.

python -m tests.benchmarks.replay_page [--jobs 10000] [--seed 1] [--directory DIR]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import beta

from tests.benchmarks.jobs import Decided, Table
from tests.benchmarks.markdown import head, row
from tests.benchmarks.recorded import DIRECTORY, SUFFIX, names
from tests.benchmarks.replay import (
    ATTRIBUTED,
    CHECKED,
    Replayed,
    disagreements,
    exact,
    replay,
    stages_named,
)
from tests.benchmarks.replay_stops import STOPPING, stops

__all__ = ["report", "upper_bound"]


def upper_bound(events: int, trials: int, level: float = 0.95) -> float:
    """Exact one-sided upper bound of a rate (Clopper and Pearson)."""
    return 1.0 if events >= trials else float(beta.ppf(level, events + 1, trials - events))


def _same_row(done: Replayed) -> str:
    assert done.swapped is not None
    rates = []
    for decided in (done.decided, done.swapped):
        failed, jobs = int(decided.failed.sum()), decided.failed.size
        rates.append(f"{failed / jobs:.2%} (< {upper_bound(failed, jobs):.2%})")
    return row(
        done.facts.set,
        f"{len(done.pairs)} + {done.excluded}",
        *rates,
        f"{done.decided.passed.mean():.1%}",
        f"{done.swapped.passed.mean():.1%}",
        *_time(done, done.swapped),
        _spreads(done.known),
    )


def _effect_row(done: Replayed) -> str:
    failed = done.decided.failed
    shares = done.decided.failed_by[:, failed].sum(axis=1) / max(1, failed.sum())
    judged = [*(metric.name for metric in done.known.gate.metrics), "spikes"]
    by = [
        f"{name} {share:.0%}" for name, share in zip(judged, shares, strict=True) if share >= 0.005
    ]
    stages = stages_named(done)
    told = sum(stages.values())
    named = [f"{stages[kind] / told:.0%}" if told else "-" for kind in ("right", "other", "none")]
    return row(
        done.facts.set,
        done.facts.what,
        f"{len(done.pairs)} + {done.excluded}",
        f"**{failed.mean():.1%}**",
        f"{done.decided.passed.mean():.1%}",
        *_time(done, done.decided),
        ", ".join(by) or "-",
        done.facts.stage or "none",
        done.facts.slice,
        " / ".join(named),
        _centres(done.known),
    )


def _time(done: Replayed, decided: Decided) -> tuple[str, str]:
    """Median pairs and minutes to the end; a job that was not decided used its budget up."""
    pairs = np.minimum(decided.ended_at, done.budget)
    middle = float(np.median(pairs))
    return f"{middle:.0f} of {done.budget}", f"{middle * done.seconds / 60:.1f}"


def _spreads(known: Table) -> str:
    return ", ".join(
        f"{row[usable].std(ddof=1):.3f}" if usable.sum() > 1 else "?"
        for row, usable in zip(known.log_ratios, known.usable, strict=True)
    )


def _centres(known: Table) -> str:
    return ", ".join(
        f"{np.expm1(np.median(row[usable])):+.1%}" if usable.any() else "?"
        for row, usable in zip(known.log_ratios, known.usable, strict=True)
    )


def report(sets: Sequence[Replayed], jobs: int, wrong: int) -> str:
    """The page; ``wrong`` jobs ended otherwise in `verdict.decide.decide`."""
    approximate = [done.facts.set for done in sets if not exact(done)]
    same = [done for done in sets if done.facts.kind == "same"]
    effects = [done for done in sets if done.facts.kind == "effect"]
    metrics = ", ".join(metric.name for metric in sets[0].known.gate.metrics)
    lines = [
        f"{jobs} jobs a set; a job draws recorded pairs with replacement, looks after every pair "
        f"and ends at its verdict or its budget. Pairs are given as usable + excluded. {CHECKED} "
        "jobs of every set were also decided by `verdict.decide.decide`: "
        f"{wrong} ended otherwise."
        + (
            " What counts as a spike depends on the pairs drawn in "
            f"{', '.join(approximate)}; there the whole set's limit was used."
            if approximate
            else ""
        ),
        "",
        "A set of N pairs cannot show more than N pairs can: the bounds in brackets (95%, exact) "
        "are for these jobs, which share the pairs.",
        "",
        "## Nothing changed",
        "",
        "Swapped: a coin gives each pair's arms the other names, which equal arms allow; it takes "
        "out the chance difference that the recorded pairs have as a whole.",
        "",
        *head(
            "set",
            "pairs",
            "false FAIL",
            "false FAIL, swapped",
            "PASS",
            "PASS, swapped",
            "median pairs",
            "minutes",
            f"SD of the log ratio: {metrics}",
        ),
        *map(_same_row, same),
        "",
        "## Something changed",
        "",
        f"Stage named, of at most {ATTRIBUTED} failed jobs, in the slice of the requests that the "
        "change was injected into: right / another one / none. Failed by: what e-BH names at the "
        "look at which all evidence together is enough; a job without a name goes on for up to 3 "
        "pairs.",
        "",
        *head(
            "set",
            "change",
            "pairs",
            "FAIL",
            "PASS",
            "median pairs",
            "minutes",
            "failed by",
            "stage",
            "named",
            f"median change: {metrics}",
        ),
        *map(_effect_row, effects),
        "",
        "Machines: " + "; ".join(sorted({done.facts.machine for done in sets})) + ".",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Prints the page; exits with 1 when there is nothing to replay or the rules disagree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    started_s = time.monotonic()
    found = names(options.directory)
    if not found:
        print(f"no recorded sets in {options.directory}", file=sys.stderr)
        return 1
    sets = [
        replay(options.directory / f"{name}{SUFFIX}", options.jobs, options.seed) for name in found
    ]
    wrong = [len(disagreements(done)) for done in sets]
    print(report(sets, options.jobs, sum(wrong)), end="")
    if STOPPING in found:
        print(
            "\n## A pause once a minute\n\n"
            f"Jobs of {STOPPING} that watch as long as their budget of pairs lasts.\n"
        )
        print(stops(options.directory, options.jobs, options.seed))
    print(f"replayed in {time.monotonic() - started_s:.0f} s", file=sys.stderr)
    return int(any(count and exact(done) for count, done in zip(wrong, sets, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
