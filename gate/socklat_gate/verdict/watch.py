"""Whether the candidate's containers stop more than the baseline's, over the life of a fleet.

Pairs are short-lived: a stop every 180 s is met by few of them, and one that a timer brings a
minute after the start by none.  The replicas of the watch live through the job with a few requests
a second each (`measured.watch`).  What counts as a stop is in `verdict.watch_moments`, the evidence
in `verdict.watch_evidence`, what of the time counts in `verdict.watch_exposure`.

**A pass waits** (`watch_open`) until the candidate's exposure and age are what the scenario asks
for; while one of its containers is silent; and while the evidence is beyond `AGAINST`: so many
stops are too few to be shown and too many to be left out of account.  It also waits where one
moment hit so many containers of the candidate, and none or far fewer of the baseline's, that labels
at random would not do so: that is one event, and a timer by the clock needs several to be shown.
And, at its end, where more of the candidate's containers had requests that waited for a connection;
lost connections are judged so where ``gate.connections`` judges those of the pairs.

**A waiver** of ``spikes`` accepts 1 + ceiling times as many.  A permutation test has no tolerance:
every (1 + ceiling)-th moment of the candidate alone is kept, in the order of time, and the others
are left out.  At the accepted ratio what is left comes as often as the baseline's, and more evenly
than by chance, so the bound holds; it finds an excess later than without a waiver.

A pure function of the stored watch and of the threshold: with the same one, later looks change no
earlier evidence.  The threshold is that of rare spikes, from all pairs so far, and moves where five
times the p99.9 of the baseline's usual run is beyond the floor, or where not all exchanges were
kept (`Watch.spike_ns`).  It is the same for both arms, but only a threshold at the floor keeps the
level at all looks exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact, Scalar
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.stop_verdict import StopVerdict
from socklat_gate.measured.watch import Watch
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.mechanism import mechanisms_of, most_of
from socklat_gate.verdict.spike_events import main_part, threshold_ns
from socklat_gate.verdict.stop_timer import timer_of
from socklat_gate.verdict.watch_evidence import WatchEvidence, watch_evidence
from socklat_gate.verdict.watch_exposure import WatchExposure, responding_s, watch_exposure
from socklat_gate.verdict.watch_moments import (
    Moment,
    Moments,
    moments_of,
    paired,
    together_ns,
)
from socklat_gate.verdict.watch_order import most_at_once
from socklat_gate.verdict.watch_power import found_every_s, found_from_start_s
from socklat_gate.verdict.watch_power_renewed import renewed_every_s, renewed_from_start_s
from socklat_gate.verdict.watch_renewal import is_shown
from socklat_gate.verdict.zone import waiver_in_force

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = ["AGAINST", "JudgedStops", "judge_stops"]

AGAINST = 4.0
"""Evidence at the look of a pass above which it waits.

By Markov's inequality equal arms have it in at most a quarter of looks; docs/lab/watch.md has how
often they wait.
Three of 16 replicas with a stop, and none of the baseline's, are beyond it.
"""

MET = 3.0
"""Requests that are expected in a time in which one comes with a chance of 95%: exp(-3) = 5%."""

CHANCE = 0.01
"""Of equal arms, that one of all moments hits so many more containers of the candidate."""

LISTED = 20
"""Ages that a verdict has."""


@dataclass(frozen=True, slots=True)
class JudgedStops:
    """The verdict on stops by themselves, the evidence over time, and why a pass waits, if so."""

    verdict: StopVerdict
    evidence: WatchEvidence
    origin_ns: int
    open: ReasonFact | None

    @property
    def end_ns(self) -> int:
        """The end of the watch (CLOCK_MONOTONIC)."""
        return self.origin_ns + math.ceil(self.evidence.now_s * 1e9)

    def log_evidence_at(self, times_ns: Sequence[int]) -> Floats:
        """At moments of CLOCK_MONOTONIC."""
        since = (np.asarray(times_ns, dtype=np.int64) - self.origin_ns) / 1e9
        return self.evidence.at(since)


def judge_stops(
    watch: Watch, pairs: Sequence[Pair], gate: Gate, alpha: float, waiver: Waiver | None = None
) -> JudgedStops:
    """Verdict on the stops of a watch; ``alpha`` is their part.

    The ``pairs`` used say what is usual for the baseline.
    """
    limit_ns = max(threshold_ns(pairs, gate.spikes), watch.spike_ns)
    seen = moments_of(watch, limit_ns)
    ratio = 1.0 if waiver is None else 1.0 + waiver.ceiling
    thinned = _thinned(seen, ratio)
    evidence = watch_evidence(thinned)
    exposure = watch_exposure(watch, ratio)
    if not gate.connections:
        exposure = replace(exposure, lost=0)
    by_arm = [_hit(seen, only) for only in (0, 1)]
    ours = by_arm[1]
    so_far = float(evidence.at(evidence.now_s))
    threshold = 1.0 / alpha
    e_value = as_e_value(so_far)
    every, from_start_s = _found(watch, threshold, ratio)
    ages_s = _ages(watch, seen, ours)
    open_ = _open(thinned, exposure, evidence.now)
    mechanisms = mechanisms_of(watch, seen, ours)
    verdict = StopVerdict(
        threshold_ns=limit_ns,
        baseline_stops=len(by_arm[0]),
        candidate_stops=len(ours),
        baseline_replicas=len(watch.of("baseline")),
        candidate_replicas=len(watch.of("candidate")),
        baseline_with=_containers(by_arm[0]),
        candidate_with=_containers(ours),
        shared=len(seen.moments) - len(by_arm[0]) - len(ours),
        baseline_exposure_s=exposure.baseline_s,
        candidate_exposure_s=exposure.candidate_s,
        longest_ns=float(max((one.longest_ns for one in ours), default=0)),
        oldest_s=exposure.oldest_s,
        half_age_s=exposure.half_age_s,
        evidence=e_value,
        threshold=threshold,
        p_value=min(1.0, 1.0 / e_value),
        failed=so_far >= math.log(threshold),
        found_every_s=None if every is None else every / ratio,
        found_from_start_s=from_start_s,
        missing_s=exposure.missing_s,
        stage=_stage(watch, limit_ns) if ours else "",
        ages_s=ages_s,
        waived=waiver_in_force(waiver),
        sure_ns=_sure_ns(watch, limit_ns),
        timer_s=timer_of(ages_s),
        silent=exposure.silent,
        undecided=open_ is not None,
        waited=exposure.waited,
        lost=exposure.lost,
        # Of all that was seen: what a waiver leaves out is the candidate's, and so looks at labels.
        shown=watch.renewed and is_shown(seen, watch.age_s),
        mechanism=most_of(mechanisms, len(ours)),
        mechanisms=mechanisms,
    )
    return JudgedStops(verdict, evidence, seen.origin_ns, open_)


def _found(watch: Watch, threshold: float, ratio: float) -> tuple[float | None, float]:
    """`StopVerdict.found_every_s`, without a waiver, and ``found_from_start_s``."""
    responds_s, pairs = responding_s(watch), paired(watch)
    lives = [(one.started_ns / 1e9, one.to_ns / 1e9) for _, one in pairs]
    # As if those of the first generation were all that the job could renew.
    first = [one for one, (pair, _) in zip(lives, pairs, strict=True) if not pair.generation]
    if not watch.renewed or not first:
        every = found_every_s(responds_s, threshold)
        return every, found_from_start_s(lives, threshold, ratio)
    end_s = max(end for _, end in lives)
    up_s = sum(together_ns(pair) for pair in pairs) / 1e9
    length_s = (end_s - max(start for start, _ in first)) * sum(responds_s) / up_s
    every = renewed_every_s(len(first), length_s, threshold)
    from_start_s = renewed_from_start_s(len(first), end_s - lives[0][0], threshold, ratio)
    unrenewed = [(start, end_s) for start, _ in first]
    return every, max(from_start_s, found_from_start_s(unrenewed, threshold, ratio))


def _thinned(seen: Moments, ratio: float) -> Moments:
    """With one in ``ratio`` of the candidate's own moments."""
    kept: list[Moment] = []
    counted = 0
    for moment in seen.moments:
        if seen.arms_of(moment) == (False, True):
            counted += 1
            if math.floor(counted / ratio) == math.floor((counted - 1) / ratio):
                continue
        kept.append(moment)
    return replace(seen, moments=tuple(kept))


def _open(seen: Moments, exposure: WatchExposure, log_now: float) -> ReasonFact | None:
    numbers: dict[str, Scalar] = {}
    if exposure.missing_s > 0.0:
        numbers["missing_s"] = exposure.missing_s
    unlike = {"silent": exposure.silent, "waited": exposure.waited, "lost": exposure.lost}
    numbers |= {name: many for name, many in unlike.items() if many}
    if log_now > math.log(AGAINST):
        numbers |= {"evidence": as_e_value(log_now), "limit": AGAINST}
    if at_once := most_at_once(seen, CHANCE):
        numbers["at_once"] = at_once
    return ReasonFact(Reason.WATCH_OPEN, numbers=numbers) if numbers else None


def _hit(seen: Moments, arm: int) -> list[Moment]:
    """The moments that hit one arm alone."""
    alone = (arm == 0, arm == 1)
    return [moment for moment in seen.moments if seen.arms_of(moment) == alone]


def _containers(moments: Sequence[Moment]) -> int:
    return len({member for moment in moments for member in moment.members})


def _ages(watch: Watch, seen: Moments, moments: Sequence[Moment]) -> tuple[float, ...]:
    """Of the first stops of the candidate, in the order of time."""
    started = [(one.started_ns - seen.origin_ns) / 1e9 for _, one in paired(watch)]
    found = [
        at - started[member - seen.numbers]
        for moment in moments
        for at, member in zip(moment.at_s, moment.members, strict=True)
    ]
    return tuple(max(0.0, age) for age in found[:LISTED])


def _sure_ns(watch: Watch, limit_ns: float) -> float:
    """So long a stop meets a request that takes ``limit_ns`` by it, with a chance of 95%."""
    ours = watch.of("candidate")
    exchanges = sum(one.exchanges for one in ours)
    watched_ns = sum(one.to_ns - one.from_ns for one in ours)
    return limit_ns + MET * watched_ns / exchanges if exchanges else math.nan


def _stage(watch: Watch, limit_ns: float) -> str:
    """The part of ``response`` in which the candidate's stops spent most of their time, or ""."""
    spikes = (one for replica in watch.of("candidate") for one in replica.spikes)
    return main_part(one for one in spikes if one.length_ns >= limit_ns)
