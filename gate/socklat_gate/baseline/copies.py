"""One measurement counts once: not twice in a base, and not on both sides of a comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Note, NoteCode

__all__ = ["without_copies"]


def without_copies(
    stored: Sequence[Campaign], tested: Campaign
) -> tuple[tuple[Campaign, ...], tuple[Note, ...]]:
    """The campaigns that are other measurements than ``tested`` and than each other, in order.

    A copy would make the spread between campaigns look smaller than it is.  Commit and branch do
    not tell two measurements apart: both can be given anew when one is stored.  The note has how
    many were the candidate's ``own``, and how many ``copies`` of another; there is none when all
    were kept.
    """
    itself = _identity(tested)
    seen = {itself}
    kept: list[Campaign] = []
    own = copies = 0
    for campaign in stored:
        identity = _identity(campaign)
        own += identity == itself
        copies += identity != itself and identity in seen
        if identity not in seen:
            kept.append(campaign)
        seen.add(identity)
    if own + copies == 0:
        return tuple(kept), ()
    note = Note(NoteCode.CAMPAIGNS_LEFT_OUT, numbers={"own": own, "copies": copies})
    return tuple(kept), (note,)


def _identity(campaign: Campaign) -> str:
    """A hash of when what was measured, and of all it counted."""
    facts = (campaign.scenario_name, campaign.mode, campaign.created, campaign.image_id)
    digest = hashlib.sha256(repr(facts).encode())
    for run in campaign.runs:
        for stage, histogram in sorted(run.histograms.items()):
            digest.update(stage.encode())
            digest.update(histogram.counts.tobytes())
    return digest.hexdigest()
