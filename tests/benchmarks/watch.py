"""The watch on simulated fleets: which stops and which growth fail, when, and how often wrongly.

python -m tests.benchmarks.watch [--jobs 2000] [--seed 1]

Pure simulation of what containers do; the evidence is the gate's own.  Equal arms are simulated
with ``jobs`` a row, everything else with a fifth of that.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.watch import Replica, Slice, Watch
from socklat_gate.verdict.growth import LOOKS_S, PARTS, log_looks
from socklat_gate.verdict.judged_watch import OF_GROWTH, OF_STOPS
from socklat_gate.verdict.watch import AGAINST, CHANCE
from socklat_gate.verdict.watch_evidence import watch_evidence
from socklat_gate.verdict.watch_moments import Event, Moments, clustered
from socklat_gate.verdict.watch_order import most_at_once
from socklat_gate.verdict.watch_power import stops_to_fail
from socklat_gate.verdict.watch_power_renewed import renewed_stops_to_fail
from socklat_gate.verdict.watch_renewal import GENERATIONS, LEAST_LIFE_S, SMALL, is_shown
from tests.benchmarks.markdown import table

__all__ = ["KINDS", "Kind", "Leak", "fleet", "leak_found", "report", "simulated", "until"]

SECOND = 10**9
ALPHA_SPIKES = 0.005
"""``gate.alpha_spikes`` of a gate with the defaults."""

STOPS_THRESHOLD = 1.0 / (OF_STOPS * ALPHA_SPIKES)
GROWTH_THRESHOLD = 1.0 / (PARTS["response"] * OF_GROWTH * ALPHA_SPIKES)

APART_S = 2.0
"""From the start of one number to that of the next."""

PASS_S = 120.0
"""Exposure that a pass waits for by default, for each container."""

STOP_S = 0.8
RATE = 8.0
THRESHOLD_S = 0.05
MET = -math.expm1(-RATE * (STOP_S - THRESHOLD_S))
"""The chance that a stop meets a request which then takes long enough."""

LOOK_S = 5.0
"""So often a job looks whether replicas are to be renewed."""

SETTLED_S = 2.0
"""From the beginning of a stop until all of its moment is known, at most."""

RENEW_S = 10.0
"""From then until the first of the next generation is watched."""

LEAST_LEFT_S = 30.0
"""As `job.fleet_growth` has it."""

REPLICAS = (2, 4, 5, 8, 16)
PERIODS_S = (60, 180, 300)
MINUTES = (1, 2, 3, 4, 5, 6, 10)
END_S = 600.0
LEAK_MINUTES = (2.5, 3.3, 4, 5, 7)


@dataclass(frozen=True, slots=True)
class Kind:
    """What happens to containers of both arms alike.

    ``host_s``: the machine stalls once in so many seconds, for 60 to 500 ms; ``noise_s``: a
    container stops by itself once in so many seconds, in ``bursts`` of so many; ``dispersion``: the
    variance of containers' rates over the square of their mean; ``ages_s``: at those ages only.
    """

    name: str
    host_s: float = math.inf
    noise_s: float = math.inf
    bursts: int = 1
    dispersion: float = 0.0
    ages_s: tuple[float, float] = (0.0, math.inf)
    apart_s: float = APART_S


KINDS = (
    Kind("quiet"),
    Kind("host stalls every 30 s", host_s=30.0),
    Kind("a replica stops every 30 min", noise_s=1800.0),
    Kind("every 5 min", noise_s=300.0),
    Kind("every 30 s", noise_s=30.0),
    Kind("every 5 min, rates differ (variance 2)", noise_s=300.0, dispersion=2.0),
    Kind("every 5 min, in bursts of 5", noise_s=1500.0, bursts=5),
    Kind("all, with host stalls", 30.0, 300.0, dispersion=1.0),
    Kind("every 10 s, between 40 and 80 s of age", noise_s=10.0, ages_s=(40.0, 80.0)),
    Kind(
        "the same, started 15 s apart",
        noise_s=10.0,
        ages_s=(40.0, 80.0),
        apart_s=15.0,
    ),
    Kind(
        "every 20 s from 100 s of age on, 15 s apart",
        noise_s=20.0,
        ages_s=(100.0, 1e9),
        apart_s=15.0,
    ),
)


@dataclass(frozen=True, slots=True)
class _Generation:
    """Containers from ``from_s`` (of each number) to ``to_s``; the baseline's are the first."""

    from_s: np.ndarray
    to_s: float
    events: Sequence[Event]


def fleet(
    rng: np.random.Generator,
    kind: Kind,
    replicas: int,
    end_s: float = END_S,
    *,
    every_s: float = math.inf,
    at_age_s: float = math.inf,
    at_once_s: float = math.inf,
) -> Moments:
    """Of one job; each of the candidate's stops ``every_s`` at a phase of its own, or ``at_age_s``.

    Or all of them at the same moment, ``at_once_s``.  Few replicas are renewed.
    """
    clock = np.zeros(0)
    if math.isfinite(at_once_s):
        clock = np.arange(at_once_s * rng.random(), end_s, at_once_s)
    found: list[_Generation] = []
    begin_s = 0.0
    while begin_s + kind.apart_s * (replicas - 1) < end_s or not found:
        begin = begin_s + kind.apart_s * np.arange(replicas)
        begin = begin[begin < end_s]
        events = _events(rng, kind, np.tile(begin, 2), end_s, every_s, at_age_s, clock)
        shown_s = end_s
        if replicas <= SMALL and len(found) < GENERATIONS - 1:
            shown_s = _shown_s(begin, events, end_s)
        found.append(
            _Generation(begin, shown_s, [one for one in events if one[1] <= shown_s * SECOND])
        )
        begin_s = shown_s + RENEW_S
        if end_s - shown_s < LEAST_LEFT_S:
            found[-1] = _Generation(begin, end_s, events)
            break
    return _joined(found)


def _shown_s(begin: np.ndarray, events: Sequence[Event], end_s: float) -> float:
    """When the watch sees that a generation has shown what it can; ``end_s``: it does not."""
    least_s = float(begin.max()) + LEAST_LIFE_S
    from_s, to_s, reach_s = least_s, least_s, 2.0 * LEAST_LIFE_S
    while to_s < end_s:
        to_s = min(least_s + reach_s, end_s)
        begun = [one for one in events if one[0] < to_s * SECOND]
        seen = Moments(begin, np.full(begin.size, to_s), clustered(begun, 0))
        known_s = {max(from_s, one.known_s) for one in seen.moments}
        for look_s in sorted({LOOK_S * math.ceil(one / LOOK_S) for one in known_s}):
            if look_s <= to_s - SETTLED_S and is_shown(until(seen, look_s), 0.0):
                return look_s
        from_s, reach_s = max(least_s, to_s - SETTLED_S), 2.0 * reach_s
    return end_s


def _joined(found: Sequence[_Generation]) -> Moments:
    from_s = np.concatenate([one.from_s for one in found])
    to_s = np.concatenate([np.full(one.from_s.size, one.to_s) for one in found])
    generation = [at for at, one in enumerate(found) for _ in one.from_s]
    events: list[Event] = []
    before = 0
    for one in found:
        numbers = one.from_s.size
        for begin, end, longest, container in one.events:
            arm, at = divmod(container, numbers)
            events.append((begin, end, longest, arm * from_s.size + before + at))
        before += numbers
    return Moments(from_s, to_s, clustered(events, 0), 0, tuple(generation))


def _events(
    rng: np.random.Generator,
    kind: Kind,
    begin: np.ndarray,
    end_s: float,
    every_s: float,
    at_age_s: float,
    at_once_s: np.ndarray,
) -> list[Event]:
    """Of containers that begin then and live to the end."""
    many = begin.size // 2
    which, ages = _noise(rng, kind, end_s - begin)
    own: list[tuple[int, float]] = []
    for container in range(many, 2 * many):
        lives = end_s - begin[container]
        if math.isfinite(every_s):
            own += [(container, age) for age in np.arange(every_s * rng.random(), lives, every_s)]
        if at_age_s < lives:
            own.append((container, at_age_s))
        own += [(container, age) for age in at_once_s - begin[container] if age > 0.0]
    stops = [*zip(which.tolist(), ages.tolist(), strict=True), *own]
    met = rng.random(len(stops)) < MET
    events = [
        _event(begin[one] + age, STOP_S, one)
        for (one, age), seen in zip(stops, met, strict=True)
        if seen
    ]
    whole_s = end_s - float(begin.min())
    for at in begin.min() + whole_s * rng.random(rng.poisson(whole_s / kind.host_s)):
        length = rng.uniform(0.06, 0.5)
        hit = rng.random(2 * many) < -math.expm1(-RATE * max(0.0, length - THRESHOLD_S))
        events += [_event(at, length, int(one)) for one in np.flatnonzero(hit) if begin[one] <= at]
    return events


def _noise(
    rng: np.random.Generator, kind: Kind, lives: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which containers stop, and at what ages."""
    scale = np.ones(lives.size)
    if kind.dispersion:
        scale = rng.gamma(1 / kind.dispersion, kind.dispersion, lives.size)
    which = np.repeat(np.arange(lives.size), rng.poisson(scale * lives / kind.noise_s))
    ages = lives[which] * rng.random(which.size)
    which = np.repeat(which, kind.bursts)
    ages = (ages[:, np.newaxis] + 3.0 * np.arange(kind.bursts)).ravel()
    kept = (ages >= kind.ages_s[0]) & (ages < np.minimum(kind.ages_s[1], lives[which]))
    return which[kept], ages[kept]


def _event(at_s: float, length_s: float, container: int) -> Event:
    begin, length = int(at_s * SECOND), int(length_s * SECOND)
    return begin, begin + length, length, container


def until(seen: Moments, end_s: float) -> Moments:
    """What was known by then."""
    up = seen.from_s < end_s
    many = int(up.sum())
    kept = {one: at for at, one in enumerate(np.flatnonzero(np.tile(up, 2)).tolist())}
    moments = tuple(
        replace(one, members=tuple(kept[member] for member in one.members))
        for one in seen.moments
        if one.known_s <= end_s
    )
    to_s = np.minimum(seen.to_s[:many], end_s)
    return Moments(seen.from_s[:many], to_s, moments, 0, tuple(seen.generations[:many].tolist()))


def enough_s(seen: Moments, replicas: int) -> float:
    """When so many had the exposure that a pass waits for; infinite: not in this job."""
    times = np.arange(PASS_S, seen.now_s + 1.0)
    lives_s = np.minimum(seen.to_s, times[:, np.newaxis]) - seen.from_s
    reached = np.flatnonzero(np.maximum(lives_s, 0.0).sum(axis=1) >= PASS_S * replicas)
    return float(times[reached[0]]) if reached.size else math.inf


@dataclass(frozen=True, slots=True)
class Simulated:
    """Seconds until each job fails (infinite: it does not), and whether it passes at `PASS_S`."""

    failed_s: np.ndarray
    passed: np.ndarray

    def by(self, minutes: float) -> float:
        """Share that has failed by then."""
        return float((self.failed_s <= 60.0 * minutes).mean())

    def minutes(self, share: float = 0.9) -> str:
        """Until so many have failed."""
        at = float(np.quantile(self.failed_s, share, method="higher")) / 60.0
        return f"{at:.1f}" if math.isfinite(at) else f"> {MINUTES[-1]}"


def simulated(seed: int, jobs: int, kind: Kind, replicas: int, **candidate: float) -> Simulated:
    """Jobs whose pairs show nothing: they fail by stops, or pass at the first look that may."""
    rng = np.random.default_rng(seed)
    failed = np.full(jobs, np.inf)
    passed = np.zeros(jobs, dtype=bool)
    for job in range(jobs):
        seen = fleet(rng, kind, replicas, **candidate)
        found = watch_evidence(seen)
        reached = np.flatnonzero(found.log_evidence >= math.log(STOPS_THRESHOLD))
        if reached.size:
            failed[job] = found.times_s[reached[0]]
        pass_s = enough_s(seen, replicas)
        if math.isfinite(pass_s) and failed[job] > pass_s:
            then = until(seen, pass_s)
            against = watch_evidence(then).now > math.log(AGAINST)
            passed[job] = not against and not most_at_once(then, CHANCE)
    return Simulated(failed, passed)


@dataclass(frozen=True, slots=True)
class Leak:
    """Latency of the candidate grows by ``per_10000`` with 10,000 requests, of both by ``both``.

    ``noise`` is the standard deviation of a slice's log p50, ``own`` that of a container's own
    change a minute.
    """

    name: str
    per_10000: float = 0.0
    both: float = 0.0
    noise: float = 0.04
    own: float = 0.005


LEAKS = (
    Leak("nothing"),
    Leak("both arms double in 10,000 requests", both=1.0),
    Leak("by the tolerance", per_10000=0.42),
    Leak("nothing, containers differ by 3% a minute", own=0.03),
    Leak("doubles in 10,000 requests", 1.0),
    Leak("doubles in 10,000 requests, slices differ by 8%", 1.0, noise=0.08),
    Leak("doubles in 5,000 requests", 2.0),
    Leak("doubles in 2,000 requests", 5.0),
)


def leak_found(rng: np.random.Generator, leak: Leak, replicas: int, end_s: float = 420.0) -> float:
    """Seconds until one job fails by the growth of its latency."""
    begin = (APART_S * np.arange(replicas) * SECOND).astype(np.int64)
    found: list[Replica] = []
    for number in range(replicas):
        for arm in ARMS:
            born = int(begin[number])
            ages = np.arange(5.0, end_s - born / SECOND - 5.0, 10.0)
            rate = leak.both + (leak.per_10000 if arm == "candidate" else 0.0)
            level = np.log1p(rate * RATE * ages / 10_000) + leak.own * ages / 60 * rng.normal()
            p50 = 2e6 * np.exp(level + leak.noise * rng.normal(size=ages.size))
            slices = tuple(
                Slice(
                    born + 10 * SECOND * at, born + 10 * SECOND * (at + 1), 80, float(one), math.nan
                )
                for at, one in enumerate(p50)
            )
            to_ns = int(end_s * SECOND)
            found.append(Replica(arm, number, born, born, to_ns, 8, 0, slices=slices))
    looks = log_looks(Watch(tuple(found), 1, replicas, 2.0, 0.0), "response")
    so_far = np.cumsum(np.exp(looks.log_e)) / len(LOOKS_S)
    reached = np.flatnonzero(so_far >= GROWTH_THRESHOLD)
    return float(looks.times_s[reached[0]]) if reached.size else math.inf


def report(jobs: int, seed: int) -> Iterable[str]:
    """The page's tables."""
    fewer = max(1, jobs // 5)
    yield _EQUAL.format(jobs=jobs, threshold=f"{STOPS_THRESHOLD:.0f}", against=f"{AGAINST:g}")
    yield table(
        ("both arms", *(f"{n} + {n}: false FAIL, waits" for n in REPLICAS)),
        (
            (kind.name, *(_equal(simulated(seed, jobs, kind, n)) for n in REPLICAS))
            for kind in KINDS
        ),
    )
    yield _STOPS.format(jobs=fewer, needed=", ".join(_needed(n) for n in REPLICAS))
    yield table(
        (
            "replicas",
            "both arms",
            "a stop every",
            *(f"{one} min" for one in MINUTES),
            "minutes, 90%",
            "passes at 2 min",
        ),
        _stop_rows(fewer, seed),
    )
    yield _TIMERS.format(jobs=fewer)
    yield table(
        ("replicas", "age", "90% fail by, from the first start", "after that age"),
        _timer_rows(fewer, seed),
    )
    yield _GROWTH.format(jobs=jobs, fewer=fewer, threshold=f"{GROWTH_THRESHOLD:.0f}")
    yield table(
        ("latency of the candidate", "replicas", *(f"{one:g} min" for one in LEAK_MINUTES)),
        _leak_rows(jobs, fewer, seed),
    )


def _equal(done: Simulated) -> str:
    return f"{done.by(MINUTES[-1]):.2%}, {1 - done.passed.mean():.1%}"


def _needed(replicas: int) -> str:
    if replicas <= SMALL:
        return f"{renewed_stops_to_fail(replicas, STOPS_THRESHOLD)} with {replicas} + {replicas}"
    return f"{stops_to_fail(replicas, STOPS_THRESHOLD)} with {replicas} + {replicas}"


def _stop_rows(jobs: int, seed: int) -> Iterable[Sequence[str]]:
    for replicas in REPLICAS:
        for kind in KINDS[:4]:
            for every in PERIODS_S:
                done = simulated(seed, jobs, kind, replicas, every_s=float(every))
                yield (
                    f"{replicas} + {replicas}",
                    kind.name,
                    f"{every} s",
                    *_shares(done),
                )
    for every in PERIODS_S:
        done = simulated(seed, jobs, KINDS[0], REPLICAS[-1], at_once_s=float(every))
        yield ("16 + 16", "quiet", f"{every} s, all at the same moment", *_shares(done))


def _shares(done: Simulated) -> Sequence[str]:
    return (
        *(f"{done.by(one):.0%}" for one in MINUTES),
        done.minutes(),
        f"{done.passed.mean():.0%}",
    )


def _timer_rows(jobs: int, seed: int) -> Iterable[Sequence[str]]:
    for replicas in REPLICAS:
        for age in (30, 60, 120, 300):
            done = simulated(seed, jobs, KINDS[0], replicas, at_age_s=float(age))
            at = float(np.quantile(done.failed_s, 0.9, method="higher"))
            when = (f"{at:.0f} s", f"{at - age:+.0f} s") if math.isfinite(at) else ("> 10 min", "")
            yield (f"{replicas} + {replicas}", f"{age} s", *when)


def _leak_rows(jobs: int, fewer: int, seed: int) -> Iterable[Sequence[str]]:
    for at, leak in enumerate(LEAKS):
        for replicas in (8, 16):
            rng = np.random.default_rng(seed)
            many = jobs if at < 4 else fewer
            ends = np.array([leak_found(rng, leak, replicas) for _ in range(many)])
            shares = ((ends <= 60 * one).mean() for one in LEAK_MINUTES)
            digits = 2 if at < 4 else 0
            yield (leak.name, f"{replicas} + {replicas}", *(f"{one:.{digits}%}" for one in shares))


_EQUAL = f"""Replicas of both arms start {APART_S:g} s apart, live to the end of a watch of 10
minutes and get 8 requests a second each; a stop takes 800 ms. Where there are {SMALL} of each arm
or fewer, all are replaced once as many have stopped as an arm has (`verdict.watch_renewal`); the
new ones are watched {RENEW_S:g} s later. What happens to them is simulated, the evidence is the
gate's (`verdict.watch_evidence`, `verdict.growth`), by itself: a gate has that of the pairs beside
it. Minutes are since the first start.

## Equal arms

{{jobs}} jobs a row. *False FAIL*: evidence of {{threshold}} at any time of the 10 minutes. *Waits*:
at 2 minutes of exposure the evidence is beyond {{against}}, so that a pass waits until it is not,
or a moment hit many replicas of the candidate, and none or far fewer of the baseline's.
"""

_STOPS = """
## Stops of the candidate, at random phases

{jobs} jobs a row; the share that has failed by then. One container is one unit: by the order of
first stops alone, so many fail a watch in which the baseline has none: {needed}. *Passes at 2 min*:
at 2 minutes of exposure the job has not failed, and nothing that it has seen makes a pass wait.

A moment at which all replicas stop is one event, shared by those that it hits: what the replicas of
an arm have in common may be the machine's doing (the pages of their image), so that one moment must
not count as many containers. Seven such moments are needed, and until then the job is undecided.
"""

_TIMERS = """
## A stop that comes once, at an age

{jobs} jobs a row, both arms else quiet.
"""

_GROWTH = """
## Growth of latency

{jobs} jobs a row where nothing is to be found, {fewer} elsewhere; 8 requests a second, p50 of
slices of 10 s, which differ by 4%; containers' own changes differ by 0.5% a minute. The share that
has failed (evidence of {threshold}) by then. Doubling in 10,000 requests is 4.8% in the first
minute.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begin = time.monotonic()
    for part in report(given.jobs, given.seed):
        print(part, flush=True)
    print(f"took {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
