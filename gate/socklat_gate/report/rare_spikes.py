"""Rare spikes as text: how many of each arm, whether they are more, what could have been found."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.verdict import DISPERSION_LEVEL, SpikeVerdict, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.spike_text import power_text, spikes_summary

__all__ = [
    "RareSpikes",
    "RateRow",
    "SpikeEvidence",
    "rare_spikes",
    "spike_evidence",
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
    """The judgement of rare spikes; ``stage`` is where the candidate's spent most of their time.

    ``request`` is the named one that most of them were responses to, "" where none stands out.
    """

    failed: bool
    summary: str
    power: str
    stage: str
    notes: tuple[str, ...]
    request: str = ""


@dataclass(frozen=True, slots=True)
class SpikeEvidence:
    """Rates by arm, and what they prove."""

    rows: tuple[RateRow, ...]
    text: str


def rare_spikes(verdict: Verdict) -> RareSpikes | None:
    """None when spikes were not judged."""
    spikes = verdict.spikes
    if spikes is None:
        return None
    return RareSpikes(
        failed=spikes.failed,
        summary=spikes_summary(spikes),
        power=power_text(spikes),
        stage=spikes.stage,
        notes=tuple(map(note_text, spikes.notes)),
        request=spikes.request,
    )


def spike_evidence(verdict: Verdict) -> SpikeEvidence | None:
    """None when spikes were not judged."""
    spikes = verdict.spikes
    if spikes is None:
        return None
    rows = [_row("baseline", spikes.baseline_events, spikes.baseline_exposure_s)]
    if spikes.stored_exposure_s:
        rows.append(_row("stored campaigns", spikes.stored_events, spikes.stored_exposure_s))
    rows.append(_row("candidate", spikes.candidate_events, spikes.candidate_exposure_s))
    return SpikeEvidence(tuple(rows), _evidence_text(spikes))


def _row(who: str, events: int, exposure_s: float) -> RateRow:
    shown = units.duration_s(exposure_s)
    return RateRow(who, units.count(events), shown, units.per_time(events, exposure_s))


def _evidence_text(spikes: SpikeVerdict) -> str:
    over = f"over-dispersion p = {units.p_value(spikes.dispersion_p)}"
    how = f"single events were compared ({over})"
    if spikes.by_runs:
        bunched = spikes.dispersion_p < DISPERSION_LEVEL
        why = "events come in bunches" if bunched else "runs have several events each"
        how = f"runs, not single spikes, were compared, because {why} ({over})"
    rate = "Neither had a spike"
    if spikes.baseline_events or spikes.candidate_events:
        rate = (
            f"The candidate's rate is {units.times(spikes.rate_ratio)} the reference's, where "
            f"{units.times(spikes.tolerance_ratio)} is tolerated"
        )
    return (
        f"{rate}; e-value against no increase / threshold: "
        f"{units.beside_threshold(spikes.evidence, spikes.threshold)} "
        f"(p = {units.p_value(spikes.p_value)}); {how}."
    )
