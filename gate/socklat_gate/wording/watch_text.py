"""The watch in sentences: how much of it there was, what it shows, what a pass still waits for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import GROWTH, STOPS
from socklat_gate.measured.stop_verdict import StopVerdict
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.measured.watch import Watch
from socklat_gate.wording import units
from socklat_gate.wording.changes import listing, plural
from socklat_gate.wording.fact_numbers import count_of, number_of
from socklat_gate.wording.growth_text import GROWN
from socklat_gate.wording.stop_text import found_text

__all__ = [
    "UNLIKE",
    "of_watch",
    "stops_outcome",
    "unlike_texts",
    "unwatched_line",
    "watch_line",
    "watch_open_text",
]

UNLIKE = ("silent", "waited", "lost")
"""Members of `StopVerdict`, and numbers of `WATCH_OPEN`: what no exchange shows."""


def watch_line(stops: StopVerdict, watch: Watch | None) -> str:
    """The whole watch in two sentences; the second says what it would have found."""
    if not stops.candidate_replicas or not stops.baseline_replicas:
        return (
            "Watch: no replicas of both arms were watched, so stops that are rarer than what the "
            "pairs meet can pass."
        )
    return f"Watch: {_amount(stops, watch)}; {_stops(stops)}. {found_text(stops)}"


def unwatched_line(exposure_s: float, longest_s: float) -> str:
    """What is not met where no replicas stay up; the candidate's time in pairs, in seconds."""
    return (
        f"Watch: none. The pairs had the candidate for {units.duration_s(exposure_s)}, for at most "
        f"{units.duration_s(longest_s)} at a time: stops that come more rarely, or later in the "
        "life of a container, are not met."
    )


def watch_open_text(fact: ReasonFact, verdict: Verdict) -> str:
    """What a pass still waits for: all that is known of it."""
    waits = listing(list(_waits(fact, verdict.stops)))
    return f"all else would pass, but {waits or 'the watch is not long enough yet'}"


def stops_outcome(stops: StopVerdict) -> Outcome:
    """What the watch comes to by itself; one that is not long enough is open."""
    if stops.failed:
        return Outcome.REGRESSION
    watched = stops.candidate_replicas and stops.baseline_replicas and stops.missing_s <= 0
    open_ = stops.undecided or stops.silent or stops.waited or stops.lost
    return Outcome.PASS if watched and not open_ else Outcome.INCONCLUSIVE


def unlike_texts(silent: int, waited: int, lost: int) -> Iterator[str]:
    """What the candidate's replicas did unlike the baseline's, and how many of them, if any did."""
    if silent:
        yield (
            f"{plural(silent, 'replica')} of the candidate died, fell silent or left requests "
            "without a good response, unlike the baseline's"
        )
    if waited:
        yield (
            f"requests to {plural(waited, 'replica')} of the candidate waited for a connection, "
            "which no exchange shows, unlike those to the baseline's: a service that restarts "
            "itself, or does not accept for a while"
        )
    if lost:
        yield (
            f"{plural(lost, 'replica')} of the candidate ended connections that were to be kept, "
            "unlike the baseline's"
        )


def of_watch(name: str) -> str:
    """What the watch shows, by the name of its evidence; "" of other names."""
    grows = next((text for of, text in GROWN.items() if name == f"{GROWTH}_{of}"), "")
    return f"growth of {grows}" if grows else "stops of replicas" if name == STOPS else ""


FOREVER_S = 1e9


def _waits(fact: ReasonFact, stops: StopVerdict | None) -> Iterator[str]:
    """What keeps a pass away, the worst first."""
    yield from unlike_texts(*(count_of(fact.numbers, kind) for kind in UNLIKE))
    evidence = number_of(fact.numbers, "evidence")
    if math.isfinite(evidence):
        allowed = f"evidence {evidence:.3g}, a pass allows {number_of(fact.numbers, 'limit'):g}"
        grows = of_watch(fact.subject)
        seen = f": {_of_arms(stops)}" if stops and not grows else ""
        what = f"{grows} of the candidate" if grows else "more stops of the candidate"
        yield f"the watch so far speaks for {what}{seen} ({allowed})"
    if at_once := count_of(fact.numbers, "at_once"):
        yield (
            f"{plural(at_once, 'replica')} of the candidate stopped at the same moment, and none "
            "or far fewer of the baseline's"
        )
    missing_s = number_of(fact.numbers, "missing_s")
    if missing_s >= FOREVER_S:
        yield "there were no replicas that could be watched"
    elif missing_s > 0:
        seen = f" (so far {_amount(stops, None)})" if stops else ""
        yield f"the watch has to last for {units.duration_s(missing_s)} more{seen}"


def _amount(stops: StopVerdict, watch: Watch | None) -> str:
    """``16 + 16 replicas, 32.0 container-minutes each``."""
    there = f"{stops.baseline_replicas} + {stops.candidate_replicas}"
    if watch is not None and watch.wanted > stops.candidate_replicas:
        there += f" of {watch.wanted} + {watch.wanted}"
    times = [
        units.container_minutes(exposure_s)
        for exposure_s in (stops.baseline_exposure_s, stops.candidate_exposure_s)
    ]
    if times[0] == times[1]:
        return f"{there} replicas{_at_a_time(watch)}, {times[0]} container-minutes each"
    return f"{there} replicas{_at_a_time(watch)}, {times[0]} and {times[1]} container-minutes"


def _at_a_time(watch: Watch | None) -> str:
    """Of a watch that was renewed, how many there were at once."""
    if watch is None or not any(one.generation for one in watch.replicas):
        return ""
    most = max(Counter(one.generation for one in watch.of("candidate")).values(), default=0)
    return f", {most} + {most} at a time"


def _stops(stops: StopVerdict) -> str:
    """``no stop``, else how many of each arm."""
    shared = ""
    if stops.shared:
        moments = plural(stops.shared, "moment")
        count = "counts" if stops.shared == 1 else "count"
        shared = f", and {moments} at which both arms stopped, which {count} for neither"
    if not stops.candidate_stops and not stops.baseline_stops:
        return f"no stop{f' of one arm alone{shared}' if shared else ''}"
    return f"stops: {_of_arms(stops)}{shared}"


def _of_arms(stops: StopVerdict) -> str:
    """``5 of the candidate and none of the baseline``."""
    return (
        f"{stops.candidate_stops or 'none'} of the candidate and "
        f"{stops.baseline_stops or 'none'} of the baseline"
    )
