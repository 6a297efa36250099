"""Rare spikes in sentences: how many there were, and how many would have been found."""

from __future__ import annotations

from socklat_gate.measured.verdict import SpikeVerdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural

__all__ = ["power_text", "spikes_summary"]


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
        return "No run was watched for spikes, so no increase could be detected."
    if spikes.mde_events is None:
        return "No number of spikes would have failed beside this reference in so short a time."
    return (
        f"{plural(spikes.mde_events, 'spike')} of the candidate would have failed beside this "
        f"reference (MDE: {units.times(spikes.mde_ratio)} its rate)."
    )
