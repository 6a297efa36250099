"""The drift series on simulated merges and nights: false alarms over many looks, and detection.

    python -m tests.benchmarks.drift_series [--histories 1000] [--seed 1]

A link is a gate job of one metric (p50, default zone) that looks after every pair and ends as the
gate does.  From merge to merge only links that passed are stored, and what did not pass is part of
the next one; nights are stored whatever their verdict.  Each history is looked at after each link.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.run_values import metric_value
from socklat_gate.scenario import Gate
from socklat_gate.verdict.change_points import MIN_CAMPAIGNS, change_points
from socklat_gate.verdict.drift_evidence import running_drift_evidence
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import (
    log_factors,
    running_fail_evidence,
    running_pass_evidence,
)
from socklat_gate.verdict.link_series import ALPHA
from socklat_gate.verdict.links import FIRST
from socklat_gate.verdict.sample import Sample
from tests.benchmarks.markdown import table
from tests.benchmarks.normalisation import METRICS as METRICS_RECORDED
from tests.benchmarks.normalisation import SERVICES
from tests.benchmarks.record_pairs import AT_ONCE
from tests.benchmarks.recorded import load

Floats = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
"""From jobs to the noise of their pairs and its standard errors as known, each (jobs, pairs)."""

GATE = Gate()
METRIC = GATE.compared[0]
D0, D1 = math.log1p(METRIC.tolerance), math.log1p(METRIC.regression_threshold)
WIDTH = D1 - D0
PAIRS, LEAST = 40, 5
PAIR_SD = 0.018
LOOKS = 100
METRICS = len(GATE.compared)
DAY_SD, RHO = 0.05, 0.5
STEP_AT = 40


def normal(rng: np.random.Generator, jobs: int) -> tuple[Floats, Floats]:
    """All pairs alike."""
    noise = rng.normal(0.0, PAIR_SD, (jobs, PAIRS))
    return noise, np.full_like(noise, PAIR_SD / 1.2)


def wild(rng: np.random.Generator, jobs: int) -> tuple[Floats, Floats]:
    """Student's t with 3 degrees of freedom."""
    noise = PAIR_SD * rng.standard_t(3, (jobs, PAIRS))
    return noise, np.full_like(noise, PAIR_SD / 1.2)


def uneven(rng: np.random.Generator, jobs: int) -> tuple[Floats, Floats]:
    """Pairs that differ tenfold in precision, and know it."""
    sd = PAIR_SD * np.exp(rng.uniform(-math.log(10) / 2, math.log(10) / 2, (jobs, PAIRS)))
    return rng.normal(0.0, sd), sd / 1.2


NOISES: Mapping[str, Noise] = {"normal": normal, "heavy tails (t, 3)": wild, "uneven": uneven}


@dataclass(frozen=True, slots=True)
class Jobs:
    """Gate jobs: whether they passed, the estimate, and logarithms of their evidence.

    Each has shape (jobs,) or (jobs, l); ``of_all`` is the mean over all pairs.
    """

    passed: npt.NDArray[np.bool_]
    estimate: Floats
    of_all: Floats
    slower: Floats
    faster: Floats
    above: Floats

    def taken(self, which: npt.NDArray[np.bool_]) -> Jobs:
        """The chosen ones."""
        return Jobs(*(getattr(self, name)[which] for name in self.__slots__))


def gate_jobs(rng: np.random.Generator, noise: Noise, changes: Floats) -> Jobs:
    """One job for each true log change."""
    d, errors = noise(rng, changes.size)
    sample = Sample(d + changes[:, np.newaxis], errors)
    fail = running_fail_evidence(sample, D0, WIDTH) >= -math.log(GATE.alpha_of(METRIC))
    passing = np.maximum.accumulate(running_pass_evidence(sample, D1, WIDTH), axis=-1)
    passes = (passing >= -math.log(GATE.alpha_pass)) & (np.arange(PAIRS) >= LEAST - 1)
    ended = fail | passes
    last = np.where(ended.any(axis=1), ended.argmax(axis=1), PAIRS - 1)
    every = np.arange(changes.size)
    seen = np.arange(PAIRS) <= last[:, np.newaxis]
    first = sample.d[:, :FIRST]

    def evidence(of: Sample, zero: float) -> Floats:
        return np.asarray(log_factors(of, zero, WIDTH).cumsum(axis=-1)[:, every, last].T)

    return Jobs(
        passed=passes[every, last] & ~fail[every, last],
        estimate=np.array([hodges_lehmann(one) for one in first]),
        of_all=np.where(seen, sample.d, 0.0).sum(axis=1) / (last + 1.0),
        slower=evidence(sample, 0.0),
        faster=evidence(sample.mirrored(), 0.0),
        above=evidence(sample, D0),
    )


def merges(rng: np.random.Generator, noise: Noise, steps: Floats) -> Jobs:
    """Links of one history, those that passed; the change of one that did not is the next one's."""
    changes, stored = steps.copy(), []
    # Few fail, so that all are drawn at once and the others again, one by one.
    drawn = gate_jobs(rng, noise, changes)
    carried = 0.0
    for at, change in enumerate(changes):
        one = drawn.taken(np.arange(changes.size) == at)
        if carried:
            one = gate_jobs(rng, noise, np.array([carried + change]))
        if one.passed[0]:
            stored.append(one)
            carried = 0.0
        else:
            carried += change
    return Jobs(*(np.concatenate([getattr(x, n) for x in stored]) for n in Jobs.__slots__))


def first_alarm(links: Jobs, alpha: float) -> float:
    """Links until slower or faster is found; infinite when it never is."""
    threshold = -math.log(alpha / (2 * METRICS))
    evidence = np.maximum(*(running_drift_evidence(of) for of in (links.slower, links.faster)))
    reached = np.flatnonzero(evidence >= threshold)
    return float(reached[0] + 1) if reached.size else math.inf


@dataclass(frozen=True, slots=True)
class Alarms:
    """Shares of histories with a false alarm within `LOOKS`, and means of the sum of all merges.

    By merges and by nights without a change, and by nights exactly at the tolerance, of which none
    may show more; ``sum_of_all`` is by means over all pairs.
    """

    merges: float
    nights: float
    at_tolerance: float
    sum: float
    sum_of_all: float


def false_alarms(noise: Noise, histories: int, seed: int) -> Alarms:
    """Of histories without a change."""
    rng = np.random.default_rng(seed)
    by_merges, by_nights, above, sums, of_all = 0, 0, 0, [], []
    for _ in range(histories):
        links = merges(rng, noise, np.zeros(LOOKS))
        by_merges += math.isfinite(first_alarm(links, ALPHA))
        sums.append(links.estimate.sum())
        of_all.append(links.of_all.sum())
        by_nights += math.isfinite(first_alarm(gate_jobs(rng, noise, np.zeros(LOOKS)), ALPHA))
        at_limit = gate_jobs(rng, noise, np.full(LOOKS, D0))
        above += bool((running_drift_evidence(at_limit.above) >= -math.log(ALPHA / METRICS)).any())
    return Alarms(
        by_merges / histories,
        by_nights / histories,
        above / histories,
        float(np.mean(sums)),
        float(np.mean(of_all)),
    )


def by_stored_values(histories: int, seed: int, size: int = LOOKS) -> float:
    """Share of histories of stored values without a change in which `change_points` finds one.

    It is looked at after every tenth campaign.
    """
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(histories):
        days = rng.normal(0.0, 1.0, size)
        for at in range(1, size):
            days[at] = RHO * days[at - 1] + math.sqrt(1 - RHO * RHO) * days[at]
        looks = range(max(10, MIN_CAMPAIGNS), size + 1, 10)
        found += any(change_points(DAY_SD * days[:number]) for number in looks)
    return found / histories


def detection(histories: int, seed: int) -> list[list[str]]:
    """Median links until a change is found, and how many are found within `LOOKS`."""
    rng = np.random.default_rng(seed)
    rows = []
    for name, steps, nights in (
        ("+0.2% with each merge", np.full(LOOKS, 0.002), np.arange(LOOKS) * 0.002),
        ("+0.5% with each merge", np.full(LOOKS, 0.005), np.arange(LOOKS) * 0.005),
        *(
            (
                f"+{percent}% once, at merge {STEP_AT}",
                np.where(np.arange(LOOKS) == STEP_AT, math.log1p(percent / 100), 0.0),
                np.where(np.arange(LOOKS) >= STEP_AT, math.log1p(percent / 100), 0.0),
            )
            for percent in (1, 2, 4)
        ),
    ):
        cells = [name]
        for found in (
            [first_alarm(merges(rng, normal, steps), ALPHA) for _ in range(histories)],
            [first_alarm(gate_jobs(rng, normal, nights), ALPHA) for _ in range(histories)],
        ):
            middle = float(np.median(found))
            share = np.isfinite(found).mean()
            cells += [f"{middle:.0f}" if math.isfinite(middle) else f"> {LOOKS}", f"{share:.0%}"]
        rows.append(cells)
    return rows


def recorded_rows() -> list[list[str]]:
    """SD between rounds: of the baseline's values and of the paired ratios."""
    rows = []
    for name in SERVICES:
        cells = [name]
        for _, quantile in METRICS_RECORDED:
            stage = "cpu" if quantile is None else "service"
            pairs = load(name).pairs
            arms = [
                np.log([metric_value(pair.arm(arm), stage, quantile) for pair in pairs])
                for arm in ARMS
            ]
            whole = len(pairs) // AT_ONCE * AT_ONCE
            stored, paired = (
                one[:whole].reshape(-1, AT_ONCE).mean(axis=1).std(ddof=1)
                for one in (arms[0], arms[1] - arms[0])
            )
            cells.append(f"{stored:.2%} / {paired:.2%} ({stored / paired:.1f})")
        rows.append(cells)
    return rows


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows, errors = [], {}
    for name, noise in NOISES.items():
        found = false_alarms(noise, options.histories, options.seed)
        shares = (found.merges, found.nights, found.at_tolerance)
        sums = (found.sum, found.sum_of_all)
        rows.append([name, *(f"{x:.2%}" for x in shares), *(f"{x:+.1%}" for x in sums)])
        links = merges(np.random.default_rng(options.seed), noise, np.zeros(2000))
        errors[name] = float(links.estimate.std())
    values = by_stored_values(max(20, options.histories // 10), options.seed)
    sys.stdout.write(
        f"""A link is a gate job of {METRIC.name} (zone {METRIC.tolerance:.0%}/"""
        f"""{METRIC.regression_threshold:.0%}, pair SD {PAIR_SD:.1%}, up to {PAIRS} pairs, a look
after every pair). From merge to merge only what passed is stored; nights are stored whatever their
verdict. Every history is looked at after each of {LOOKS} links, at {ALPHA:.0%} for {METRICS}
metrics and both directions together, of which this is one.

## False alarms over {LOOKS} looks

Share of {options.histories} histories in which a change is found although there is none; and where
main is slower than the release by exactly its tolerance in all nights, in which the nights show
more than that. The sums have no change either. By means over all pairs of a gate they would be
biased, since a gate that happens to see a small change passes early; so an estimate rests on the
first {FIRST} pairs, which are measured in any case.

{
            table(
                [
                    "noise of pairs",
                    "merges",
                    "nights",
                    "nights at the tolerance",
                    "mean of the sum",
                    "the same by all pairs",
                ],
                rows,
            )
        }

By stored values (days with an SD of {DAY_SD:.0%} and an autocorrelation of {RHO}), change points
that are looked at after every tenth of {LOOKS} campaigns are false in {values:.1%} of
{max(20, options.histories // 10)} histories: theirs is the level of one look.

## Noise

SD of a link's estimate: {", ".join(f"{x:.2%} ({name})" for name, x in errors.items())}.

On recorded pairs of equal images (tests/data/pairs; a few minutes between rounds, no different
days), SD between rounds of {AT_ONCE} pairs: of the mean log value of the baseline arm, which is
what a campaign stores, and of the mean log ratio of the arms.

{table(["service", *(name for name, _ in METRICS_RECORDED)], recorded_rows())}

## Detection

Links until the change is found (median of {max(20, options.histories // 5)}), and in how many
histories within {LOOKS}. A step that fails its gate is in no link from merge to merge until it is
mended: that gate is red.

"""
        + table(
            ["change", "merges, median", "found", "nights, median", "found"],
            detection(max(20, options.histories // 5), options.seed),
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
