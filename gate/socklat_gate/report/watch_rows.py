"""The watch as text and rows: stops by arm, what they prove, what grows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from socklat_gate.measured.facts import NoteCode
from socklat_gate.measured.result import Comparison, GateResult
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.growth_text import (
    GROWN,
    growth_evidence,
    growth_outcome,
    growth_summary,
    not_judged_text,
    waived_text,
)
from socklat_gate.wording.mechanism_text import mechanism_text, mechanisms_counted
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.outcomes import outcome_text
from socklat_gate.wording.stop_text import ages_text, stops_summary
from socklat_gate.wording.watch_text import unlike_texts, unwatched_line, watch_line

__all__ = [
    "GrowthRow",
    "StopRow",
    "WatchEvidence",
    "WatchText",
    "watch_evidence_section",
    "watch_notes",
    "watch_section",
]


@dataclass(frozen=True, slots=True)
class WatchText:
    """What the watch found; shown where there was a stop, or where something grows.

    ``stage`` is where the candidate's stops spent most of their time ("": not known), ``mechanism``
    what its threads did meanwhile ("": not named), ``ages`` what their ages say, ``grown`` a
    sentence for everything that grows.
    """

    failed: bool
    summary: str
    stage: str
    mechanism: str
    ages: str
    grown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopRow:
    """Stops of one arm."""

    arm: str
    replicas: str
    stops: str
    stopped: str
    exposure: str
    rate: str


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """One thing that may grow; ``outcome`` is its outcome's plain name."""

    what: str
    baseline: str
    candidate: str
    change: str
    interval: str
    evidence: str
    verdict: str
    outcome: str


@dataclass(frozen=True, slots=True)
class WatchEvidence:
    """Rates by arm, what they prove, and what was seen of growth."""

    rows: tuple[StopRow, ...]
    text: str
    growth: tuple[GrowthRow, ...]


def watch_notes(result: GateResult | Comparison) -> Iterator[str]:
    """One line on every gate that watched for spikes: which stops it could have found."""
    if not isinstance(result, GateResult):
        return
    watch, verdict = result.watch, result.verdict
    if verdict.stops is not None:
        yield watch_line(verdict.stops, watch)
    elif verdict.spikes is not None and verdict.spikes.candidate_exposure_s > 0 and not watch:
        longest_s = max((pair.candidate.duration_s for pair in result.pairs), default=math.nan)
        yield unwatched_line(verdict.spikes.candidate_exposure_s, longest_s)
    if watch is not None:
        stopped = verdict.stops is not None and verdict.stops.candidate_stops
        for note in watch.notes:
            # Where nothing stopped, nothing lacks a name.
            if note not in result.notes and (stopped or note.code is not NoteCode.STOPS_NOT_NAMED):
                yield note_text(note)


def watch_section(verdict: Verdict) -> WatchText | None:
    """None where it says no more than the line of `watch_notes`."""
    stops, grown = verdict.stops, [one for one in verdict.growth if one.failed]
    seen = stops is not None and (stops.failed or stops.candidate_stops or stops.baseline_stops)
    if stops is None or not (seen or grown):
        return None
    return WatchText(
        failed=stops.failed,
        summary=stops_summary(stops),
        stage=stops.stage if stops.candidate_stops else "",
        mechanism=mechanism_text(stops.mechanism),
        ages=ages_text(stops),
        grown=tuple(map(growth_summary, grown)),
    )


def watch_evidence_section(verdict: Verdict) -> WatchEvidence | None:
    """None where no replicas were watched."""
    stops = verdict.stops
    if stops is None:
        return None
    baseline = _stop_row(
        "baseline",
        stops.baseline_replicas,
        stops.baseline_stops,
        stops.baseline_with,
        stops.baseline_exposure_s,
    )
    candidate = _stop_row(
        "candidate",
        stops.candidate_replicas,
        stops.candidate_stops,
        stops.candidate_with,
        stops.candidate_exposure_s,
    )
    growth = tuple(map(_growth_row, verdict.growth))
    return WatchEvidence((baseline, candidate), _evidence_text(stops), growth)


def _stop_row(arm: str, replicas: int, stops: int, stopped: int, exposure_s: float) -> StopRow:
    return StopRow(
        arm=arm,
        replicas=units.count(replicas),
        stops=units.count(stops),
        stopped=units.count(stopped),
        exposure=f"{units.container_minutes(exposure_s)} min",
        rate=units.per_time(stops, exposure_s),
    )


def _evidence_text(stops: StopVerdict) -> str:
    held = units.beside_threshold(stops.evidence, stops.threshold)
    waived = " (waived)" if stops.waived else ""
    counted = mechanisms_counted(stops)
    return (
        "A stop is a moment at which exchanges of one arm's replicas took "
        f"{units.ns(stops.threshold_ns)} or more; what hit both arms at once counts for neither "
        f"({plural(stops.shared, 'moment')}). One replica is one observation. E-value against no "
        f"more stops / threshold: {held}{waived} "
        f"(p = {units.p_value(stops.p_value)}); the candidate's oldest replica was "
        f"{units.duration_s(stops.oldest_s)} old, half of them "
        f"{units.duration_s(stops.half_age_s)} or more."
        + (f" The candidate's stops by mechanism: {counted}." if counted else "")
        + "".join(
            f" {text[0].upper()}{text[1:]}."
            for text in unlike_texts(stops.silent, stops.waited, stops.lost)
        )
    )


def _growth_row(one: GrowthVerdict) -> GrowthRow:
    outcome = growth_outcome(one)
    waived = f" (waived up to {waived_text(one.waived)})" if one.waived else ""
    return GrowthRow(
        what=GROWN[one.what],
        baseline=units.change(one.baseline_change),
        candidate=units.change(one.candidate_change),
        change=units.change(one.change),
        interval=units.interval(one.ci_low, one.ci_high),
        evidence=growth_evidence(one),
        verdict=f"{not_judged_text(one) or outcome_text(outcome)}{waived}",
        outcome=outcome.value,
    )
