"""What of the named requests a stored campaign keeps: all, their responses, or nothing.

A store's files are bounded (`documents.limits`), and thirty names take as much as thirty services.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from socklat_gate.documents.codec import JSON, to_body
from socklat_gate.documents.limits import CAMPAIGN, decoded_bytes, text_problem
from socklat_gate.measured.buckets import BAND_COUNT
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.run import Bands, RequestStages, Run, StallCorrected

__all__ = ["storable_body"]

WHOLES = ("response", CLIENT)
ENVELOPE_BYTES = 1000


def storable_body(campaign: Campaign) -> JSON:
    """The body of a campaign with as much of its named requests as can be read back.

    Everything where there is room, else the distribution of ``response`` of each name alone, else
    none of them: then only the whole can be compared with it.
    """
    keeps: tuple[Callable[[Run], Run], ...] = (_responses, _without)
    body = to_body(campaign)
    if not any(run.requests for run in campaign.runs):
        return body
    for keep in keeps:
        if _fits(body):
            break
        body = to_body(replace(campaign, runs=tuple(keep(run) for run in campaign.runs)))
    return body


def _fits(body: JSON) -> bool:
    if decoded_bytes(body) > CAMPAIGN.decoded:
        return False
    text = json.dumps(body, separators=(",", ":")).encode("ascii")
    return not text_problem(text + bytes(ENVELOPE_BYTES), CAMPAIGN)


def _responses(run: Run) -> Run:
    return replace(run, requests={name: _response(stages) for name, stages in run.requests.items()})


def _response(stages: RequestStages) -> RequestStages:
    corrected = stages.corrected
    none = Bands((), np.zeros(BAND_COUNT, np.uint64), np.zeros((BAND_COUNT, 0), np.uint64))
    return replace(
        stages,
        bands=None,
        histograms=_alone(stages.histograms),
        corrected=corrected
        and StallCorrected(
            _alone(corrected.histograms), none, _alone(corrected.used), corrected.logged
        ),
    )


def _alone(found: Mapping[str, Histogram]) -> dict[str, Histogram]:
    """Of a file that somebody else made it may be missing."""
    return {stage: one for stage, one in found.items() if stage in WHOLES}


def _without(run: Run) -> Run:
    return replace(run, requests={}, join=None, load=replace(run.load, requests={}))
