"""Whole campaigns and results as files."""

from __future__ import annotations

from pathlib import Path

from gate.baseline.codec import Stored, from_body
from gate.baseline.document import CAMPAIGN_SCHEMA, RESULT_SCHEMA, read_document
from gate.campaign import Campaign
from gate.errors import NoUsableBaseline
from gate.result import Result

__all__ = ["read_campaign", "read_result"]


def read_campaign(path: Path) -> Campaign:
    """A stored campaign.  Raises `NoUsableBaseline` as `read_document` and `from_body` do."""
    return _read(Campaign, path, CAMPAIGN_SCHEMA)


def read_result(path: Path) -> Result:
    """A stored ``result.json``.  Raises `NoUsableBaseline` likewise."""
    return _read(Result, path, RESULT_SCHEMA)


def _read(kind: type[Stored], path: Path, schema: str) -> Stored:
    body = read_document(path, schema)
    try:
        return from_body(kind, body)
    except NoUsableBaseline as error:
        raise NoUsableBaseline(
            error.reason, f"{path}: {error.message}", remedy=error.remedy
        ) from None
