"""What measured objects hold beyond their types; code that reads stored ones relies on it."""

from __future__ import annotations

from socklat_gate.measured.campaign import Campaign, Run

__all__ = ["invariant_violation"]

SERVICE = "service"
COUNTERS = (
    "seen",
    "recorded",
    "filtered",
    "no_response",
    "pending",
    "dropped_map_full",
    "overlapped",
)


def invariant_violation(value: object) -> str:
    """What a decoded object should have been but is not; empty when nothing is wrong."""
    if isinstance(value, Run):
        if SERVICE not in value.histograms:
            return f"a run with a histogram of {SERVICE!r}"
        corrected = value.corrected
        if corrected is not None and corrected.histograms.keys() != corrected.used.keys():
            return "a run with the same stages in corrected.histograms and corrected.used"
        absent = [name for name in COUNTERS if name not in value.counters]
        return f"a run with counters {', '.join(absent)}" if absent else ""
    if isinstance(value, Campaign):
        if not value.runs:
            return "a campaign of at least one run"
        if len(value.noise) != len(value.runs):
            return f"a campaign with the noise of each of its {len(value.runs)} runs"
    return ""
