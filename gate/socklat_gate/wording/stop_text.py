"""Stops of replicas in sentences: how many, at which ages, and which would have been found."""

from __future__ import annotations

import math

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.stop_verdict import StopVerdict
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.mechanism_text import mechanism_text
from socklat_gate.wording.sentence import Name, Sentence

__all__ = [
    "ages_text",
    "comes_once",
    "found_text",
    "more_stops_text",
    "stops_sentence",
    "stops_summary",
    "stops_text",
]

MAX_AGES = 5
SAME_AGE = 1.5
"""Ages that reach no second tick of a timer are all at its first."""


def more_stops_text(_fact: ReasonFact, verdict: Verdict) -> str:
    """How many stops in how much exposure, in both arms, and at which ages."""
    stops = verdict.stops
    if stops is None:
        return "the candidate's replicas stop more often"
    return stops_text(stops)


def stops_text(stops: StopVerdict) -> str:
    """How many of each arm, what the candidate's were, and at which ages."""
    parts = stops_summary(stops), mechanism_text(stops.mechanism), ages_text(stops)
    return "; ".join(filter(None, parts))


def stops_sentence(stops: StopVerdict | None) -> Sentence:
    """The headline of more stops; empty where there are not more."""
    if stops is None or not stops.failed:
        return ()
    where = (", most of their time in ", Name(stops.stage)) if stops.stage else ()
    ages = ages_text(stops) if stops.timer_s else ""
    more = "".join(f"; {text}" for text in (mechanism_text(stops.mechanism), ages) if text)
    return ("the candidate stops: ", stops_summary(stops), *where, more)


def stops_summary(stops: StopVerdict) -> str:
    """``5 stops of 50.0 ms or more (longest 812 ms) in 5 of the candidate's 16 replicas (...)``."""
    least = f"of {units.ns(stops.threshold_ns)} or more"
    of = f"the candidate's {plural(stops.candidate_replicas, 'replica')}"
    if not stops.candidate_stops:
        ours = f"no stop {least} in {of}"
    else:
        longest = f" (longest {units.ns(stops.longest_ns)})" if stops.longest_ns > 0 else ""
        number = plural(stops.candidate_stops, "stop")
        ours = f"{number} {least}{longest} in {stops.candidate_with} of {of}"
    theirs = f"none in {stops.baseline_replicas}"
    if stops.baseline_stops:
        theirs = f"{stops.baseline_stops} in {stops.baseline_with} of {stops.baseline_replicas}"
    return f"{ours} (baseline: {theirs})"


def comes_once(stops: StopVerdict) -> bool:
    """Whether what stops the candidate was seen at one age only, which all its stops have."""
    timer_s = stops.timer_s or 0.0
    return timer_s > 0 and all(age < SAME_AGE * timer_s for age in stops.ages_s)


def ages_text(stops: StopVerdict) -> str:
    """How old the replicas were at the candidate's stops, and what that points at; "" of none."""
    ages = sorted(age for age in stops.ages_s if math.isfinite(age))
    if not ages:
        return ""
    timer_s = stops.timer_s or 0.0
    if comes_once(stops):
        return (
            f"all at an age of about {units.duration_s(timer_s)}: something that begins with the "
            "process"
        )
    shown = list(dict.fromkeys(f"{age:.0f}" if age >= 10 else f"{age:.1f}" for age in ages))
    more = len(shown) - MAX_AGES
    text = f"at ages of {', '.join(shown[:MAX_AGES])}{f' and {more} more' if more > 0 else ''} s"
    if timer_s > 0:
        text += f", multiples of {units.duration_s(timer_s)}: a timer that starts with the process"
    return text


def found_text(stops: StopVerdict) -> str:
    """Which stops such a watch finds in 90% of jobs, and which can pass; a sentence."""
    every_s = stops.found_every_s or 0.0
    kinds = []
    if every_s > 0:
        kinds.append(f"every {units.duration_s(every_s)} or more often")
    if stops.found_from_start_s > 0:
        age = units.duration_s(stops.found_from_start_s)
        kinds.append(f"once by an age of {age}")
    if not kinds:
        return (
            "The watch is too small to find any: no stop, however frequent, would have failed 90% "
            "of such jobs."
        )
    least_ns = stops.sure_ns if stops.sure_ns > 0 else stops.threshold_ns
    beside = " beside a baseline without stops" if stops.baseline_stops else ""
    return (
        f"A stop of {units.ns(least_ns)} or more that comes {', or '.join(kinds)}, would have "
        f"failed 90% of such jobs{beside}; shorter, rarer and later ones can pass."
    )
