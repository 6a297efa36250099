"""Rare spikes in sentences: how many there were, and how many would have been found."""

from __future__ import annotations

from socklat_gate.measured.verdict import SpikeVerdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural

__all__ = ["power_text", "spikes_summary"]


def spikes_summary(spikes: SpikeVerdict) -> str:
    """Both arms in half a sentence: ``5 spikes of 50.0 ms or more in 1 min 04 s (reference: ...)``.

    The reference is the baseline arm.
    """
    events, exposure_s = spikes.baseline_events, spikes.baseline_exposure_s
    return (
        f"{plural(spikes.candidate_events, 'spike')} of {units.ns(spikes.threshold_ns)} or more "
        f"in {units.duration_s(spikes.candidate_exposure_s)} "
        f"(reference: {events} in {units.duration_s(exposure_s)})"
    )


def power_text(spikes: SpikeVerdict) -> str:
    """The minimum detectable effect, in a sentence."""
    if not spikes.candidate_exposure_s:
        return "No run was watched for spikes, so no increase could be detected."
    if spikes.mde_events is None:
        return "MDE: none, since this exposure is too short for any number of spikes to fail."
    return (
        f"MDE: {plural(spikes.mde_events, 'spike')} of the candidate, "
        f"{units.times(spikes.mde_ratio)} the rate of the reference."
    )
