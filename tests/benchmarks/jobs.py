"""Jobs made of recorded pairs, and the gate's rule on thousands of them at once.

A job draws pairs of a set with replacement.  `decide_jobs` looks after every pair, as the gate
does, with the evidence of `verdict.evidence`; `as_pairs` gives the same job as objects, on
which `verdict.decide.decide` must agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.open_verdict import NAMING_PAIRS
from socklat_gate.measured.pair import Pair
from socklat_gate.scenario import Gate
from socklat_gate.verdict.decide import decide, default_scale
from socklat_gate.verdict.evidence import Floats, mixed, strictest
from socklat_gate.verdict.log_ratios import LogRatios, metric_log_ratios
from socklat_gate.verdict.metric_samples import metric_samples
from socklat_gate.verdict.resampling import both_ways, running_products
from socklat_gate.verdict.sample import Sample
from tests.benchmarks.count_jobs import CountedJobs, CountTable, count_table, counted_jobs
from tests.benchmarks.refusals import evidence_table, refused, turned, with_own_refusals
from tests.benchmarks.spike_jobs import SpikeTable, spike_evidence, spike_table

__all__ = [
    "Decided",
    "Draw",
    "Table",
    "as_pairs",
    "budget_pairs",
    "decide_jobs",
    "draw",
    "e_bh_of_jobs",
    "table",
]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Draw:
    """Which pairs the jobs see, in order, and whether the arms are swapped; (jobs, pairs) each."""

    index: Ints
    swapped: Bools

    def first(self, pairs: int) -> Draw:
        """The same jobs with a smaller budget."""
        return Draw(self.index[:, :pairs], self.swapped[:, :pairs])


@dataclass(frozen=True, slots=True)
class Table:
    """What a set's pairs say of each gated metric, computed once.

    ``log_ratios`` and ``usable`` have shape (metrics, pairs); ``samples`` has what is judged of
    each metric and the raw numbers, both over all pairs.  The thresholds, the gate's own, are on
    the log scale and have shape (metrics,).  ``evidence`` that stalls follow one arm's requests is
    as of `refusals.evidence_table`; ``corrected`` metrics lose their correction by it.
    """

    gate: Gate
    log_ratios: Floats
    samples: tuple[tuple[Sample, Sample], ...]
    usable: Bools
    threshold_fail: Floats
    threshold_pass: Floats
    spikes: SpikeTable | None
    corrected: tuple[bool, ...]
    evidence: Floats | None
    counts: CountTable


@dataclass(frozen=True, slots=True)
class Decided:
    """Pairs seen at FAIL and at PASS, infinite where it did not come to it; shape (jobs,).

    ``failed_by``, shape (metrics + 1, jobs), tells what is named then; spikes come last, and counts
    are left out.  ``named_later`` is what is named after the pairs that a job goes on for where
    nothing was, or the same.
    """

    fail_at: Floats
    pass_at: Floats
    failed_by: Bools
    named_later: Bools

    @property
    def failed(self) -> Bools:
        """Jobs that ended in FAIL."""
        return np.isfinite(self.fail_at) & (self.fail_at <= self.pass_at)

    @property
    def passed(self) -> Bools:
        """Jobs that ended in PASS."""
        return np.isfinite(self.pass_at) & (self.pass_at < self.fail_at)

    @property
    def ended_at(self) -> Floats:
        """Pairs seen at the end, infinite for a job that ran out of its budget."""
        return np.minimum(self.fail_at, self.pass_at)


def draw(recorded: int, jobs: int, pairs: int, seed: int, *, swap: bool) -> Draw:
    """Jobs of ``pairs`` pairs out of ``recorded`` ones; with ``swap`` a coin swaps the arms."""
    rng = np.random.default_rng(seed)
    index = rng.integers(0, recorded, (jobs, pairs), dtype=np.intp)
    coins = rng.integers(0, 2, (jobs, pairs)).astype(np.bool_)
    return Draw(index, coins & swap)


def budget_pairs(gate: Gate, seconds_per_pair: float) -> int:
    """Pairs that fit into the gate's budget of pairs and minutes."""
    in_time = math.floor(60.0 * gate.max_minutes / seconds_per_pair)
    return max(1, min(gate.max_pairs, in_time))


def table(pairs: Sequence[Pair], gate: Gate) -> Table:
    """The metrics of pairs that were not excluded, and their spikes.

    Raises `ValueError` for pairs that share a start: as one unit of inference they would have to
    be drawn together.
    """
    starts = [pair.start for pair in pairs if pair.start is not None]
    if len(set(starts)) < len(starts):
        raise ValueError("pairs that share a start cannot be drawn one by one")
    # Thresholds from the rule itself, so that how it shares alpha need not be known here.
    verdicts = decide(pairs[:1], gate).metrics
    judged = with_own_refusals(pairs)
    by_name = metric_log_ratios(judged, gate.metrics)
    ratios = [by_name[metric.name] for metric in gate.metrics]
    samples = tuple(_samples(ratio) for ratio in ratios)
    return Table(
        gate=gate,
        log_ratios=np.array([sample.d for sample, _ in samples]),
        samples=samples,
        usable=np.array([ratio.usable for ratio in ratios]),
        threshold_fail=np.log([verdict.threshold_fail for verdict in verdicts]),
        threshold_pass=np.log([verdict.threshold_pass for verdict in verdicts]),
        spikes=spike_table(pairs, gate),
        corrected=tuple(ratio.corrected for ratio in ratios),
        evidence=evidence_table(pairs),
        counts=count_table(pairs, gate),
    )


def _samples(ratios: LogRatios) -> tuple[Sample, Sample]:
    """Over all pairs; those that are not usable are equal in both arms."""
    found = metric_samples(ratios, np.arange(ratios.usable.size))
    where = np.maximum(np.cumsum(ratios.usable) - 1, 0)

    def whole(sample: Sample) -> Sample:
        if not sample.size:
            return Sample(np.zeros(ratios.usable.size))
        taken = sample.taken(where)
        return replace(taken, d=np.where(ratios.usable, taken.d, 0.0))

    same = whole(found.judged)
    return same, same if found.judged is found.raw else whole(found.raw)


def decide_jobs(known: Table, jobs: Draw) -> Decided:
    """Where each job ends, looking after every pair.

    A pair without enough exchanges blocks its metric from then on, as in the gate.
    """
    dropped = np.zeros(jobs.index.shape, dtype=np.bool_)
    if known.evidence is not None:
        dropped = refused(known.evidence, jobs.index, jobs.swapped)
    counted = counted_jobs(known.counts, jobs.index, jobs.swapped)
    fails, let = _metrics(known, jobs, dropped)
    fail_at, named, later = _together(known, jobs, fails, dropped, counted)
    pass_at = _first(let & _watched(known, jobs) & ~counted.waits)
    return Decided(fail_at, pass_at, named, later)


def _metrics(known: Table, jobs: Draw, dropped: Bools) -> tuple[list[Floats], Bools]:
    """Of each metric ln(alpha_k E_k) with a correction and without, (2, jobs, pairs); may it pass.

    Where a job judges raw numbers only (``dropped``), it does so for all of its pairs.
    """
    fails = []
    let = np.ones(jobs.index.shape, dtype=np.bool_)
    for row, metric in enumerate(known.gate.metrics):
        values, raw = known.samples[row]
        judged = np.logical_and.accumulate(known.usable[row][jobs.index], axis=1)
        scale = default_scale(metric)
        d0, d1 = math.log1p(metric.tolerance), math.log1p(metric.regression_threshold)

        def products(sample: Sample, zero: float, swapped: Bools, scale: float = scale) -> Floats:
            return running_products(both_ways(sample, zero, scale), jobs.index, swapped)

        against = products(raw, d0, jobs.swapped)
        of_raw = of_both = mixed(against)
        if values is not raw:
            of_values = mixed(products(values, d0, jobs.swapped))
            of_both = np.logaddexp(of_values, of_raw) - math.log(2.0)
        half = math.log(2.0) if known.corrected[row] else 0.0
        both = np.array([of_both, of_raw - half])
        fails.append(np.where(judged, both, -np.inf) - known.threshold_fail[row])
        passed = mixed(products(values, -d1, ~jobs.swapped))
        if dropped.any() and values is not raw:
            passed = np.where(
                dropped,
                np.maximum.accumulate(mixed(products(raw, -d1, ~jobs.swapped)), axis=1),
                np.maximum.accumulate(passed, axis=1),
            )
        else:
            passed = np.maximum.accumulate(passed, axis=1)
        let &= (passed >= known.threshold_pass[row]) & judged & (strictest(against) <= 0.0)
    return fails, let


def _together(
    known: Table, jobs: Draw, fails: Sequence[Floats], dropped: Bools, counted: CountedJobs
) -> tuple[Floats, Bools, Bools]:
    """When each job fails by all of its evidence; what is named then, and later, if not then.

    Shapes (jobs,) and (metrics + 1, jobs).

    How errors and spikes are counted, and whether metrics are corrected, may change from look to
    look; evidence is then taken anew from the first pair on.
    """
    gate = known.gate
    shape = jobs.index.shape
    metrics = np.logaddexp.reduce(np.array(fails), axis=0)  # (2, jobs, pairs)
    nothing = np.full(shape, -np.inf)
    spikes, by_runs = [nothing, nothing], np.zeros(shape, dtype=np.bool_)
    if known.spikes is not None:
        *found, by_runs = spike_evidence(known.spikes, jobs.index, jobs.swapped)
        spikes = [one + math.log(gate.alpha_spikes) for one in found]
    errors = [nothing, nothing]
    if counted.errors is not None:
        errors = [one + math.log(gate.alpha_count) for one in counted.errors]
    overload = nothing
    if counted.overload is not None:
        overload = counted.overload + math.log(gate.alpha_count)
    failed = np.zeros(shape, dtype=np.bool_)
    for way in range(8):
        raw, of_spikes, of_errors = way & 1, way >> 1 & 1, way >> 2 & 1
        parts = [metrics[raw], spikes[of_spikes], errors[of_errors], overload]
        reached = np.logical_or.accumulate(np.logaddexp.reduce(parts, axis=0) >= 0.0, axis=1)
        here = (dropped == raw) & (by_runs == of_spikes) & (counted.by_runs == of_errors)
        failed |= reached & here
    fail_at = _first(failed)
    every = np.arange(shape[0])

    def named_at(more: int) -> Bools:
        """What e-BH names so many pairs later."""
        at = np.minimum(fail_at + more, shape[1]).astype(np.intp) - 1
        last = [
            *(one[dropped[every, at].astype(np.intp), every, at] for one in fails),
            np.array(spikes)[by_runs[every, at].astype(np.intp), every, at],
            np.array(errors)[counted.by_runs[every, at].astype(np.intp), every, at],
            overload[every, at],
        ]
        return np.asarray(e_bh_of_jobs(np.array(last)) & np.isfinite(fail_at))

    first = later = named_at(0)
    for more in range(1, NAMING_PAIRS + 1):
        later = np.where(later.any(axis=0), later, named_at(more))
    return fail_at, first[: len(fails) + 1], later[: len(fails) + 1]


def e_bh_of_jobs(weighted: Floats) -> Bools:
    """`verdict.together.e_bh` of many jobs; shape (strands, jobs)."""
    ordered = -np.sort(-weighted, axis=0)
    ranks = np.arange(1, weighted.shape[0] + 1)[:, np.newaxis]
    enough = ordered >= -np.log(ranks)
    count = np.where(enough, ranks, 0).max(axis=0)
    least = np.take_along_axis(ordered, np.maximum(count - 1, 0)[np.newaxis], axis=0)
    return np.asarray((weighted >= least) & (count > 0))


def as_pairs(pairs: Sequence[Pair], jobs: Draw, job: int, seen: int) -> list[Pair]:
    """The first ``seen`` pairs of one job as objects, numbered in the job's order."""
    found = []
    for at in range(seen):
        pair = pairs[jobs.index[job, at]]
        if jobs.swapped[job, at]:
            evidence = {
                cause: tuple(turned(np.array(values)).tolist())
                for cause, values in pair.stall_evidence.items()
            }
            pair = replace(
                pair,
                baseline=pair.candidate,
                candidate=pair.baseline,
                stall_evidence=evidence,
            )
        found.append(replace(pair, index=at, start=None))  # drawn twice, it is two starts
    return found


def _watched(known: Table, jobs: Draw) -> Bools:
    """Whether the candidate was watched for spikes as long as a PASS needs, after each pair."""
    if known.spikes is None:
        return np.ones(jobs.index.shape, dtype=np.bool_)
    exposure_s = known.spikes.exposure_s[np.where(jobs.swapped, 0, 1), jobs.index]
    return np.asarray(np.cumsum(exposure_s, axis=1) >= known.gate.spikes.watch_s)


def _first(reached: Bools) -> Floats:
    """Pairs seen when each job, shape (jobs, pairs), first got there; infinite for never."""
    at = reached.argmax(axis=1) + 1.0
    return np.where(reached.any(axis=1), at, np.inf)
