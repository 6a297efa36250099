"""docs/lab/capacity.md from recorded rounds: the jobs as they were, and jobs redrawn from them.

    python -m tests.benchmarks.capacity [--jobs N] >docs/lab/capacity.md

Rounds of equal arms are redrawn with the coin thrown again (which arm is called the candidate), and
with a loss added, so that rates of a percent can be seen.  Seeded.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.capacity import judge_capacity
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import running_fail_evidence, running_pass_evidence
from socklat_gate.wording import units
from tests.benchmarks.capacity_file import Job, Recorded, load
from tests.benchmarks.capacity_rounds import LIMITS, MINUTES, SCENES, Scene, ended
from tests.benchmarks.markdown import table

__all__ = ["Redrawn", "losses_of", "page", "redraw", "redrawn_jobs"]

LOSSES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
SEED = 14
ESTIMATES = 2000
NEAR = 0.05


@dataclass(frozen=True)
class Redrawn:
    """What became of many jobs; ``rounds`` at their ends, NaN for those not decided."""

    failed: float
    passed: float
    rounds: Floats


def losses_of(jobs: Sequence[Job]) -> Floats:
    """ln(baseline / candidate) of all rounds."""
    return np.array(
        [math.log(one.baseline_rps / one.candidate_rps) for job in jobs for one in job.rounds]
    )


def redraw(noise: Floats, loss: float, jobs: int, rounds: int, rng: np.random.Generator) -> Floats:
    """Log losses, shape (jobs, rounds): sizes drawn from ``noise``, signs by a coin."""
    sizes = rng.choice(np.abs(noise), (jobs, rounds))
    return np.asarray(rng.choice([-1.0, 1.0], sizes.shape) * sizes - math.log1p(-loss))


def redrawn_jobs(d: Floats, tolerance: float = LIMITS.tolerance) -> Redrawn:
    """Each row is a job that stops at its first decision, as `judge_capacity` has it."""
    d0, d1 = -math.log1p(-tolerance), -math.log1p(-LIMITS.threshold)
    fail = running_fail_evidence(d, d0, d1 - d0)
    passing = np.maximum.accumulate(running_pass_evidence(d, d1, d1 - d0), axis=1)
    fails = fail >= -math.log(LIMITS.alpha)
    passes = (passing >= -math.log(LIMITS.alpha_pass)) & (fail <= 0.0)
    first = [np.where(one.any(axis=1), one.argmax(axis=1), d.shape[1]) for one in (fails, passes)]
    failed = (first[0] < d.shape[1]) & (first[0] <= first[1])
    passed = ~failed & (first[1] < d.shape[1])
    ends = np.where(failed, first[0], first[1]) + 1.0
    return Redrawn(
        float(failed.mean()), float(passed.mean()), np.where(failed | passed, ends, np.nan)
    )


def page(recorded: Recorded, jobs: int) -> str:
    rng = np.random.default_rng(SEED)
    what = "\n".join(f"- `{scene.name}`: {scene.what}{_known(scene)}" for scene in SCENES)
    live = [row for scene in SCENES for row in _live_rows(scene, recorded.jobs.get(scene.name, ()))]
    same = {
        name: found
        for name, found in recorded.jobs.items()
        if name.endswith("-same") and losses_of(found).size
    }
    redrawn = [row for name, found in same.items() for row in _redrawn_rows(name, found, jobs, rng)]
    coins = [_coin_row(name, found) for name, found in same.items()]
    head = ["scene", "job", "verdict", "baseline", "candidate", "change", "interval", "rounds"]
    return f"""## Jobs as they ran

On: {recorded.machine}. The service has one CPU and the load the other. Each row is a job as
`socklat-gate capacity` runs it, with its defaults: a loss of 5% is accepted, one of 15% fails, and
no round begins after 5 minutes.

{what}

{table([*head, "minutes"], live)}

## Jobs redrawn

The rounds of equal arms, drawn again: the size of a round's difference is a recorded one, its sign
a coin's, and the loss is added. {jobs} jobs a row, as many rounds as 5 minutes hold here.

{table(REDRAWN, redrawn)}

Up to a loss of 5%, which is just accepted, at most 1% may fail. "At 0%" is judged without a
tolerance, where only the coin protects. The estimate is that at the job's end, beside the loss that
is true.

## What this shows, and what it does not

{table(COINS, coins)}

- Redrawn jobs show that the rule keeps its rates **if** a round's difference has the sign of a
  coin, for sizes as they are on this machine. That is what the coin of each round is for (which arm
  is tried first), and the table above is what the recorded rounds say of it: how often the
  candidate carried less, and the mean difference when it was first and when it was not.
- They do not show that rounds of one job are independent: sizes are drawn one by one. Signs need no
  independence but the coin's.
- A few live jobs bound a false-alarm rate badly: of {_live_jobs(same)} with equal arms,
  {_live_failed(same)} failed, which leaves everything up to {_upper(same):.0%} possible (95%).
- Other services scatter otherwise: one whose latency jumps near its capacity has rounds that differ
  more, and jobs that take longer or end undecided.
- The interval of a job holds at all looks together, so after fewer than 7 rounds its
  upper end has no bound. It says what is excluded; the estimate is closer than that.
"""


REDRAWN = [
    "rounds of",
    "loss",
    "fails",
    "passes",
    "undecided",
    "median rounds",
    "median minutes",
    "estimate within 5%",
]
COINS = ["rounds of", "rounds", "SD", "candidate less", "mean, baseline first", "mean, second"]


def _known(scene: Scene) -> str:
    return f" (a loss of {scene.loss:.1%})" if scene.loss else ""


def _live_rows(scene: Scene, jobs: Sequence[Job]) -> Iterator[list[str]]:
    for number, job in enumerate(jobs, 1):
        found = judge_capacity(job.rounds, replace(LIMITS, within_ns=job.within_ns))
        yield [
            f"`{scene.name}`",
            str(number),
            found.outcome.value if ended(job) else "(not ended)",
            units.per_second(found.baseline_rps),
            units.per_second(found.candidate_rps),
            units.change(found.change),
            units.interval(found.ci_low, found.ci_high),
            str(found.rounds),
            f"{sum(one.duration_s for one in job.rounds) / 60:.1f}",
        ]


def _redrawn_rows(
    name: str, found: Sequence[Job], jobs: int, rng: np.random.Generator
) -> Iterator[list[str]]:
    noise = losses_of(found)
    round_s = float(np.mean([one.duration_s for job in found for one in job.rounds]))
    rounds = max(1, math.ceil(60 * MINUTES / round_s))
    for loss, tolerance in [(0.0, 0.0), *((one, LIMITS.tolerance) for one in LOSSES)]:
        d = redraw(noise, loss, jobs, rounds, rng)
        found_jobs = redrawn_jobs(d, max(tolerance, 1e-9))
        decided = found_jobs.rounds[np.isfinite(found_jobs.rounds)]
        middle = float(np.median(decided)) if decided.size else math.nan
        yield [
            f"`{name}`",
            f"{loss:.0%}" + ("" if tolerance else ", at 0%"),
            f"{found_jobs.failed:.2%}",
            f"{found_jobs.passed:.2%}",
            f"{1 - found_jobs.failed - found_jobs.passed:.2%}",
            f"{middle:.0f}" if decided.size else "n/a",
            f"{middle * round_s / 60:.1f}" if decided.size else "n/a",
            f"{_near(d, loss, found_jobs):.1%}",
        ]


def _near(d: Floats, loss: float, jobs: Redrawn) -> float:
    """Share of jobs whose estimate is within 5% of the baseline's capacity of what is true."""
    estimates = [
        math.expm1(-hodges_lehmann(row[: int(end)] if math.isfinite(end) else row))
        for row, end in zip(d[:ESTIMATES], jobs.rounds[:ESTIMATES], strict=True)
    ]
    return float((np.abs(np.array(estimates) + loss) <= NEAR).mean())


def _coin_row(name: str, jobs: Sequence[Job]) -> list[str]:
    rounds = [one for job in jobs for one in job.rounds]
    d = losses_of(jobs)
    less, more = int((d > 0).sum()), int((d < 0).sum())
    first = np.array([one.first == "baseline" for one in rounds])
    return [
        f"`{name}`",
        str(d.size),
        f"{d.std():.2%}",
        f"{less} of {less + more}",
        units.change(float(-d[first].mean())) if first.any() else "n/a",
        units.change(float(-d[~first].mean())) if (~first).any() else "n/a",
    ]


def _live_jobs(same: dict[str, tuple[Job, ...]]) -> int:
    return sum(ended(job) for jobs in same.values() for job in jobs)


def _live_failed(same: dict[str, tuple[Job, ...]]) -> int:
    outcomes = [
        judge_capacity(job.rounds, replace(LIMITS, within_ns=job.within_ns)).outcome.value
        for jobs in same.values()
        for job in jobs
        if ended(job)
    ]
    return outcomes.count("regression")


def _upper(same: dict[str, tuple[Job, ...]]) -> float:
    """Clopper and Pearson's 95% upper limit of the share of jobs that fail."""
    from scipy.stats import beta  # noqa: PLC0415 - nothing else here needs it

    jobs, failed = _live_jobs(same), _live_failed(same)
    return float(beta.ppf(0.95, failed + 1, jobs - failed)) if failed < jobs else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20_000, help="redrawn jobs of each row")
    options = parser.parse_args()
    sys.stdout.write(page(load(), options.jobs))


if __name__ == "__main__":
    main()
