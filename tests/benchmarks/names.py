"""Jobs that judge many named requests, replayed on recorded pairs: false alarms, power, time.

python -m tests.benchmarks.names [--jobs 10000] [--seed 1] [--directory DIR]
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from socklat_gate.measured.pair import Pair
from socklat_gate.scenario import Gate, Metric
from socklat_gate.scenario.named_gate import named_metrics
from socklat_gate.verdict.evidence import Floats, mixed
from socklat_gate.verdict.resampling import both_ways, running_products
from tests.benchmarks.jobs import Decided, Table, budget_pairs, decide_jobs, draw, table
from tests.benchmarks.markdown import head, row
from tests.benchmarks.named_pairs import named_pairs
from tests.benchmarks.recorded import DIRECTORY, SUFFIX, Recorded, load
from tests.benchmarks.replay_page import upper_bound

__all__ = ["SAME", "dealt", "one_name", "report", "sets_as_names"]

SAME = ("api-same", "nginx-same", "redis-same")
"""Sets whose arms are equal."""

SLOWER = (1.1, 1.2, 1.3, 1.5, 2.0)
TEN = {"checkout": 0.05, **{f"other{n}": 0.95 / 9 for n in range(9)}}
"""Ten requests, of which one makes 5%."""


@dataclass(frozen=True, slots=True)
class Named:
    """Jobs over the pairs of a set; ``minutes`` a pair takes, those excluded included."""

    what: str
    known: Table
    decided: Decided
    minutes: float
    budget: int


def gate_of(recorded: Recorded, weights: Mapping[str, float]) -> Gate:
    """The set's gate, with the default metrics of these names beside its own."""
    gate = recorded.facts.rules()
    stage = next(metric.stage for metric in gate.metrics if metric.quantile)
    whole = sum(weights.values())
    total = np.mean([pair.baseline.histograms[stage].total for pair in recorded.pairs])
    per_run = {name: float(total) * weight / whole for name, weight in weights.items()}
    by_name = [Metric(**{**vars(metric), "stage": stage}) for metric in named_metrics(per_run)]
    return gate.model_copy(update={"metrics": [*gate.metrics, *by_name]})


def dealt(
    path: Path,
    what: str,
    weights: Mapping[str, float],
    jobs: int,
    seed: int,
    slower: Mapping[str, float] | None = None,
) -> Named:
    """Jobs over a set's pairs, their exchanges dealt to names; equal arms are swapped by coin."""
    recorded = load(path)
    used = [pair for pair in recorded.pairs if not pair.excluded]
    gate = gate_of(recorded, weights)
    stage = next(metric.stage for metric in gate.metrics if metric.quantile)
    pairs = named_pairs([_slim(pair, stage) for pair in used], stage, weights, seed, slower)
    seconds = recorded.facts.seconds_per_pair * len(recorded.pairs) / len(used)
    budget = budget_pairs(gate, seconds)
    known = table(pairs, gate)
    drawn = draw(len(used), jobs, budget, seed, swap=not slower)
    return Named(what, known, decide_jobs(known, drawn), seconds / 60, budget)


def _slim(pair: Pair, stage: str) -> Pair:
    """Without what is not judged here."""
    runs = [
        replace(run, histograms={stage: run.histograms[stage]})
        for run in (pair.baseline, pair.candidate)
    ]
    return replace(pair, baseline=runs[0], candidate=runs[1])


def sets_as_names(directory: Path, names: int, jobs: int, seed: int) -> tuple[Floats, int]:
    """When each job of 4 metrics of the whole and 3 of each name fails, and how many metrics.

    The whole is the first equal set, name k the k-th of all equal sets in turn, each with pairs and
    coins of its own: names that have nothing to do with each other, with all of a set's exchanges.
    """
    sets = [load(directory / f"{name}{SUFFIX}") for name in SAME]
    tables = []
    for recorded in sets:
        used = [pair for pair in recorded.pairs if not pair.excluded]
        tables.append(table(used, recorded.facts.rules()))
    gate = sets[0].facts.rules()
    of_name = [Metric(**{**vars(m), "request": "x"}) for m in gate.metrics if m.quantile]
    judged = gate.model_copy(
        update={
            "metrics": [
                *gate.metrics,
                *(m.model_copy(update={"request": f"n{k}"}) for k in range(names) for m in of_name),
            ]
        }
    )
    budget = gate.max_pairs
    mean = np.full((jobs, budget), -np.inf)
    for part in range(names + 1):
        known = tables[0] if part == 0 else tables[(part - 1) % len(tables)]
        drawn = draw(known.log_ratios.shape[1], jobs, budget, 1000 * seed + part, swap=True)
        alpha = judged.alpha_named if part else judged.alpha_metric
        for metric, (sample, _) in zip(known.gate.metrics, known.samples, strict=True):
            if part and metric.quantile is None:
                continue
            d0 = math.log1p(metric.tolerance)
            scale = math.log1p(metric.regression_threshold) - d0
            factors = both_ways(sample, d0, scale)
            evidence = mixed(running_products(factors, drawn.index, drawn.swapped))
            mean = np.logaddexp(mean, evidence + math.log(alpha))
    reached = mean >= 0.0
    fails = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
    return fails, len(judged.metrics)


def one_name(changed: int, metrics: int, quantiles: int = 3) -> int:
    """Pairs until a gross change of so many metrics of one name fails beside ``metrics`` in all.

    Four are of the whole and do not move; a gross change doubles evidence with every pair.
    """
    named = max(1, metrics - 4)
    part = 0.5 * 0.004 / named
    needed = 1.0 / (part * min(changed, quantiles))
    return math.ceil(math.log2(needed))


def _same_row(done: Named) -> str:
    failed, jobs = int(done.decided.failed.sum()), done.decided.failed.size
    middle = np.median(np.minimum(done.decided.ended_at, done.budget))
    return row(
        done.what,
        str(len(done.known.gate.metrics)),
        f"{failed / jobs:.2%} (< {upper_bound(failed, jobs):.2%})",
        f"{done.decided.passed.mean():.1%}",
        f"{middle:.0f} of {done.budget}",
        f"{middle * done.minutes:.1f}",
    )


def _effect_row(done: Named, name: str, factor: float) -> str:
    failed = done.decided.failed
    rows = [at for at, m in enumerate(done.known.gate.metrics) if m.request == name]
    named = done.decided.named_later[rows][:, failed].any(axis=0)
    taken = done.decided.fail_at[failed]
    spent = done.decided.failed_by[:, failed].any(axis=0)
    within = (taken * done.minutes <= 4.0).sum() / failed.size
    middle = f"{np.median(taken):.0f}" if taken.size else "-"
    return row(
        done.what,
        f"{factor - 1:+.0%}",
        f"**{failed.mean():.1%}**",
        f"{named.mean():.1%}" if taken.size else "-",
        f"{1 - spent.mean():.1%}" if taken.size else "-",
        f"{within:.1%}",
        f"{middle} of {done.budget}",
        f"{np.median(taken) * done.minutes:.1f}" if taken.size else "-",
        f"{done.decided.passed.mean():.1%}",
    )


def report(directory: Path, jobs: int, seed: int) -> str:
    """The page."""
    many = {f"r{n}": 1.0 for n in range(12)}
    uneven = {f"r{n}": 1.0 / (n + 1) for n in range(16)}
    same = [
        dealt(directory / f"{name}{SUFFIX}", f"{name}, dealt to {label}", weights, jobs, seed)
        for name in SAME
        for label, weights in (
            ("10 names, one of 5%", TEN),
            ("12 names alike", many),
            ("16 names, the k-th 1/k as often", uneven),
        )
    ]
    apart, metrics = sets_as_names(directory, 12, jobs, seed)
    false = int(np.isfinite(apart).sum())
    effects: list[str] = []
    for name in SAME:
        for factor in SLOWER:
            done = dealt(directory / f"{name}{SUFFIX}", name, TEN, jobs, seed, {"checkout": factor})
            effects.append(_effect_row(done, "checkout", factor))
    return "\n".join(_lines(same, effects, false, metrics, jobs)) + "\n"


def _lines(
    same: Sequence[Named], effects: Sequence[str], false: int, metrics: int, jobs: int
) -> list[str]:
    doc = (sys.modules[named_pairs.__module__].__doc__ or "").split("\n\n", 1)[1]
    return [
        f"{jobs} jobs a row, decided as in [replay.md](replay.md): pairs are drawn with "
        "replacement, a look after every pair, the end at the verdict or the budget.",
        "",
        " ".join(doc.split()),
        "",
        "## Nothing changed",
        "",
        "A coin swaps the arms of every pair. Metrics of names are the default: those quantiles of "
        "which 80 requests come beyond in a run.",
        "",
        *head("pairs", "metrics", "false FAIL", "PASS", "median pairs", "minutes"),
        *(_same_row(done) for done in same),
        "",
        f"And {metrics} metrics that have as little to do with each other as can be: 4 of the "
        f"whole ({SAME[0]}) and p50, p90 and p99 of 12 names, each with all exchanges of one of "
        "the three sets, pairs and coins of its own. "
        f"False FAIL: {false / jobs:.2%} (< {upper_bound(false, jobs):.2%}).",
        "",
        "## One name of ten got slower",
        "",
        "`checkout` makes 5% of the requests, and all of its exchanges take longer. Named: failed "
        "jobs that named one of its metrics, at once or within the 3 pairs that a job goes on for; "
        "nothing at once: those in which only all evidence together was enough at first.",
        "",
        *head(
            "pairs",
            "change",
            "FAIL",
            "named",
            "nothing at once",
            "FAIL within 4 minutes",
            "median pairs to FAIL",
            "minutes",
            "PASS",
        ),
        *effects,
        "",
        "## What many names cost",
        "",
        "Evidence of one metric at most doubles from pair to pair. So a gross change of one metric "
        "of the whole fails after 10 pairs where nothing has a name, and after 11 beside any "
        "number of names (all 4 of them: after 8 and 9). A gross change of one name:",
        "",
        *head("names", "metrics", "by p50 alone", "by p50, p90 and p99"),
        *(
            row(str(n), str(4 + 3 * n), *(str(one_name(k, 4 + 3 * n)) for k in (1, 3)))
            for n in (1, 3, 10, 30, 100)
        ),
    ]


def main() -> int:
    """Prints the page; exits with 1 where false alarms are more than a job's alpha."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    started_s = time.monotonic()
    print(report(options.directory, options.jobs, options.seed), end="")
    print(f"replayed in {time.monotonic() - started_s:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
