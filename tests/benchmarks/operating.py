"""Operating curves on recorded pairs: the share of jobs that find a change, by size and time.

python -m tests.benchmarks.operating [--jobs 2000] [--seed 1] [--directory DIR]

Jobs are resampled from pairs of equal arms as `calibrate` does it; a change is added to one metric.
Each is judged by the gate's evidence and by its half that weighs all pairs alike, which was all of
it before pairs were weighted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from socklat_gate.scenario import Gate
from socklat_gate.scenario.gating import Metric
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.correlated_stalls import judged_pairs
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.operating import ends_of
from socklat_gate.verdict.resampling import (
    Bools,
    MetricTest,
    Resampled,
    first_ends,
    metric_tests,
    resample,
)
from socklat_gate.verdict.sample import Sample
from tests.benchmarks.markdown import head, row
from tests.benchmarks.recorded import DIRECTORY, SUFFIX, load, names

__all__ = ["ZONES", "Studied", "evenly", "report", "studied"]

MINUTES = (1, 2, 5, 10)
FACTORS = (1.0, 1.5, 2.0)
"""Sizes of the change, in units of the regression threshold."""
POWER = 0.9

ZONES: dict[str, dict[float, tuple[float, float]]] = {
    "default": {0.5: (0.02, 0.05), 0.9: (0.03, 0.08), 0.99: (0.05, 0.15)},
    "half": {0.5: (0.005, 0.0125), 0.9: (0.023, 0.06), 0.99: (0.03, 0.08)},
    "narrow": {0.5: (0.004, 0.01), 0.9: (0.01, 0.027), 0.99: (0.02, 0.05)},
}
"""Tolerance and regression threshold by quantile."""


@dataclass(frozen=True, slots=True)
class Studied:
    """One recorded set with one choice of zones, by both rules.

    ``seconds`` is what a usable pair takes; jobs have ``drawn``'s length.
    """

    set: str
    zones: str
    seconds: float
    drawn: Resampled
    by_rule: dict[str, list[MetricTest]]

    def clusters(self, minutes: float) -> int:
        """Pairs in so many minutes."""
        return int(60 * minutes / self.seconds)

    def minutes(self, ends: Floats, share: float) -> str:
        """Minutes until so many jobs have ended, as text."""
        at = float(np.quantile(ends, share, method="higher"))
        return f"{at * self.seconds / 60:.1f}" if np.isfinite(at) else f"> {MINUTES[-1]}"


def evenly(test: MetricTest) -> MetricTest:
    """The test as if nothing were known of the pairs' precision."""

    def bare(sample: Sample) -> Sample:
        return replace(sample, errors=None)

    sample = bare(test.sample)
    raw = sample if test.raw is test.sample else bare(test.raw)
    return replace(test, sample=sample, raw=raw)


def studied(path: Path, zones: str, jobs: int, seed: int) -> Studied:
    """A set of equal arms, judged with these zones."""
    recorded = load(path)
    used = [pair for pair in recorded.pairs if not pair.excluded]
    seconds = recorded.facts.seconds_per_pair * len(recorded.pairs) / len(used)
    gate = _gate(recorded.facts.rules(), zones)
    tests = metric_tests(judged_pairs(used).pairs, gate, decide(used[:1], gate))
    length = max(1, int(60 * MINUTES[-1] / seconds))
    drawn = resample(tests[0].sample.size, np.random.default_rng(seed), jobs, length)
    by_rule = {"even": [evenly(test) for test in tests], "weighted": list(tests)}
    return Studied(recorded.facts.set, zones, seconds, drawn, by_rule)


def _gate(gate: Gate, zones: str) -> Gate:
    metrics = [
        metric
        if metric.quantile is None
        else Metric(
            stage=metric.stage,
            quantile=metric.quantile,
            tolerance=ZONES[zones][metric.quantile][0],
            regression_threshold=ZONES[zones][metric.quantile][1],
        )
        for metric in gate.metrics
    ]
    return gate.model_copy(update={"metrics": metrics})


def _same_rows(done: Studied) -> Iterable[str]:
    for rule, tests in done.by_rule.items():
        fail, passed = first_ends(tests, done.drawn)
        ends = np.where(passed < fail, passed, np.inf)
        false_pass = max(_false_pass(done, rule, at) for at in range(len(tests)))
        yield row(
            done.set,
            done.zones,
            rule,
            f"{np.mean(np.isfinite(fail) & (fail <= passed)):.2%}",
            f"{false_pass:.2%}",
            done.minutes(ends, 0.5),
            done.minutes(ends, POWER),
        )


def _others(done: Studied, rule: str, at: int) -> list[Bools]:
    tests = done.by_rule[rule]
    return [test.lets_pass(done.drawn) for test in (*tests[:at], *tests[at + 1 :])]


def _false_pass(done: Studied, rule: str, at: int) -> float:
    """Share that pass with the metric at its threshold."""
    test = done.by_rule[rule][at]
    change = float(np.expm1(test.d1))
    _, passed = ends_of(test, done.drawn, _others(done, rule, at), change)
    return float(np.isfinite(passed).mean())


def _change_rows(done: Studied) -> Iterable[str]:
    """A cell has both rules: pairs weighed alike, then by their precision."""
    for at, test in enumerate(done.by_rule["even"]):
        known = done.by_rule["weighted"][at].sample.errors is not None
        if not known and done.zones != "default":
            continue  # CPU time has one zone
        for factor in FACTORS:
            change = factor * float(np.expm1(test.d1))
            fails = [
                ends_of(tests[at], done.drawn, _others(done, rule, at), change)[0]
                for rule, tests in done.by_rule.items()
            ]
            cells = [
                [f"{(fail <= done.clusters(m)).mean():.0%}" for fail in fails] for m in MINUTES
            ]
            cells += [[done.minutes(fail, share) for fail in fails] for share in (0.5, POWER)]
            yield row(
                done.set,
                test.name,
                f"{np.expm1(test.d0):.3g} / {np.expm1(test.d1):.3g}",
                f"{change:+.3g}",
                *(" → ".join(cell if known else cell[:1]) for cell in cells),
            )


def report(sets: Sequence[Studied], jobs: int) -> str:
    """The page."""
    within = [f"{m} min" for m in MINUTES]
    lines = [
        f"{jobs} jobs a row, resampled from the recorded pairs of two equal arms, which a coin "
        f"swaps; a job looks after every pair and ends at its verdict or after {MINUTES[-1]} "
        "minutes, whatever its budget of pairs. A change is added to one metric alone, on the log "
        "scale, and found when the job fails by this metric before it passes by all. Minutes are "
        "those of the recorded pairs, one container an arm, with starting and stopping them: "
        + ", ".join(sorted({f"{done.set} {done.seconds:.1f} s a pair" for done in sets}))
        + ". Two rules: all pairs weigh alike (what the gate did before), and the gate's, which "
        "also weighs them by their precision; CPU time has none. `calibrate` prints the same "
        "curves of a service on a runner.",
        "",
        "## Nothing changed",
        "",
        "False PASS: with one metric at its regression threshold, the worst of them.",
        "",
        *head(
            "set",
            "zones",
            "rule",
            "false FAIL",
            "false PASS",
            "minutes to PASS, half of the jobs",
            f"minutes, {POWER:.0%}",
        ),
        *(line for done in sets for line in _same_rows(done)),
        "",
        "## Something changed",
        "",
        "Pairs weighed alike → by their precision.",
        "",
        *head(
            "set",
            "metric",
            "zone",
            "change",
            *(f"found in {text}" for text in within),
            "minutes, half of the jobs",
            f"minutes, {POWER:.0%}",
        ),
        *(line for done in sets for line in _change_rows(done)),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Prints the page; exits with 1 when there is nothing to replay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    started_s = time.monotonic()
    found = [name for name in names(options.directory) if name.endswith("-same")]
    if not found:
        print(f"no recorded sets of equal arms in {options.directory}", file=sys.stderr)
        return 1
    sets = [
        studied(options.directory / f"{name}{SUFFIX}", zones, options.jobs, options.seed)
        for zones in ZONES
        for name in found
    ]
    print(report(sets, options.jobs), end="")
    print(f"replayed in {time.monotonic() - started_s:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
