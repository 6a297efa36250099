"""Rare spikes as text: how many of each arm, whether they are more, what could have been found."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.verdict import SpikeVerdict, Verdict
from socklat_gate.verdict.rates import DISPERSION_LEVEL
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.notes import note_text

__all__ = [
    "RareSpikes",
    "RateRow",
    "SpikeEvidence",
    "power_text",
    "rare_spikes",
    "spike_evidence",
    "spikes_summary",
]


@dataclass(frozen=True, slots=True)
class RateRow:
    """Events of one arm."""

    who: str
    events: str
    exposure: str
    rate: str


@dataclass(frozen=True, slots=True)
class RareSpikes:
    """The judgement of rare spikes; ``stage`` is where the candidate's spent most of their time."""

    failed: bool
    summary: str
    power: str
    stage: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpikeEvidence:
    """Rates by arm, and what they prove."""

    rows: tuple[RateRow, ...]
    text: str


def rare_spikes(verdict: Verdict | None) -> RareSpikes | None:
    """None when spikes were not judged."""
    spikes = verdict.spikes if verdict else None
    if spikes is None:
        return None
    return RareSpikes(
        failed=spikes.failed,
        summary=spikes_summary(spikes),
        power=power_text(spikes),
        stage=spikes.stage,
        notes=tuple(map(note_text, spikes.notes)),
    )


def spike_evidence(verdict: Verdict | None) -> SpikeEvidence | None:
    """None when spikes were not judged."""
    spikes = verdict.spikes if verdict else None
    if spikes is None:
        return None
    rows = [_row("baseline", spikes.baseline_events, spikes.baseline_exposure_s)]
    if spikes.stored_exposure_s:
        rows.append(_row("stored campaigns", spikes.stored_events, spikes.stored_exposure_s))
    rows.append(_row("candidate", spikes.candidate_events, spikes.candidate_exposure_s))
    return SpikeEvidence(tuple(rows), _evidence_text(spikes))


def spikes_summary(spikes: SpikeVerdict) -> str:
    """Both arms in half a sentence: ``5 spikes of 50.0 ms or more in 1 min 04 s (reference: ...)``.

    The reference is the baseline arm with its part of the stored campaigns.
    """
    events = spikes.baseline_events + spikes.stored_events
    exposure_s = spikes.baseline_exposure_s + spikes.stored_exposure_s
    return (
        f"{plural(spikes.candidate_events, 'spike')} of {units.ns(spikes.threshold_ns)} or more "
        f"in {units.duration_s(spikes.candidate_exposure_s)} "
        f"(reference: {events} in {units.duration_s(exposure_s)})"
    )


def power_text(spikes: SpikeVerdict) -> str:
    """What the job could have found, in a sentence."""
    if not spikes.candidate_exposure_s:
        return "Nothing could have been found: no run was watched for spikes."
    if spikes.mde_events is None:
        return "No number of spikes would have failed beside this reference in so short a time."
    return (
        f"{plural(spikes.mde_events, 'spike')} of the candidate would have failed beside this "
        f"reference; so many are expected at {units.times(spikes.mde_ratio)} its rate."
    )


def _row(who: str, events: int, exposure_s: float) -> RateRow:
    shown = units.duration_s(exposure_s)
    return RateRow(who, units.count(events), shown, units.per_time(events, exposure_s))


def _evidence_text(spikes: SpikeVerdict) -> str:
    over = f"over-dispersion p = {units.p_value(spikes.dispersion_p)}"
    how = f"single events were compared ({over})"
    if spikes.by_runs:
        bunched = spikes.dispersion_p < DISPERSION_LEVEL
        why = "events come in bunches" if bunched else "runs have several events each"
        how = f"whole runs were compared, because {why} ({over})"
    rate = "Neither had a spike"
    if spikes.baseline_events or spikes.candidate_events or spikes.stored_events:
        rate = (
            f"The candidate's rate is {units.times(spikes.rate_ratio)} the reference's, where "
            f"{units.times(spikes.accepted_ratio)} is accepted"
        )
    return (
        f"{rate}; evidence that the candidate has more: "
        f"{units.needed(spikes.evidence, spikes.threshold)} "
        f"(p = {units.p_value(spikes.p_value)}); {how}."
    )
