"""What measured objects hold beyond their types; code that reads stored ones relies on it."""

from __future__ import annotations

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.load_counts import ERROR_KINDS, Answers
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.run import Run, StallCorrected
from socklat_gate.measured.verdict import EvidenceTrace, JointEvidence

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
        return _missed_by_run(value)
    if isinstance(value, StallCorrected) and value.histograms.keys() != value.used.keys():
        return "the same stages in corrected.histograms and corrected.used"
    if isinstance(value, Answers):
        unknown = [kind for kind in value.errors if kind not in ERROR_KINDS]
        return f"errors of the kinds {', '.join(ERROR_KINDS)}" if unknown else ""
    if isinstance(value, EvidenceTrace):
        steps = {len(part) for part in (value.pairs, value.change, value.fail, value.passing)}
        return "" if len(steps) == 1 else "a trace with as many pairs as numbers of each kind"
    if isinstance(value, JointEvidence) and len(value.pairs) != len(value.trace):
        return "joint evidence with as many pairs as numbers"
    return _missed_by_campaign(value) if isinstance(value, Campaign) else ""


def _missed_by_campaign(campaign: Campaign) -> str:
    if not campaign.runs:
        return "a campaign of at least one run"
    if len(campaign.noise) != len(campaign.runs):
        return f"a campaign with the noise of each of its {len(campaign.runs)} runs"
    return ""


def _missed_by_run(run: Run) -> str:
    whole = SERVICE if run.load.streams is None else CLIENT
    if whole not in run.histograms:
        return f"a run with a histogram of {whole!r}"
    absent = [name for name in COUNTERS if name not in run.counters]
    return f"a run with counters {', '.join(absent)}" if absent else ""
