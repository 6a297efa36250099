"""Whole campaigns and results as files."""

from __future__ import annotations

from pathlib import Path

from socklat_gate.documents.codec import JSON, Stored, from_body
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, RESULT_SCHEMA, read_document
from socklat_gate.errors import NoUsableBaseline
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.result import Result

__all__ = ["decode_document", "read_campaign", "read_result"]


def read_campaign(path: Path) -> Campaign:
    """A stored campaign.  Raises `NoUsableBaseline` as `read_document` and `from_body` do."""
    return decode_document(Campaign, str(path), read_document(path, CAMPAIGN_SCHEMA))


def read_result(path: Path) -> Result:
    """A stored ``result.json``.  Raises `NoUsableBaseline` likewise."""
    return decode_document(Result, str(path), read_document(path, RESULT_SCHEMA))


def decode_document(kind: type[Stored], where: str, body: JSON) -> Stored:
    """What a document's body holds; ``where`` is for the message.

    Raises `NoUsableBaseline` as `from_body` does.
    """
    try:
        return from_body(kind, body)
    except NoUsableBaseline as error:
        raise NoUsableBaseline(
            error.reason, f"{where}: {error.message}", remedy=error.remedy
        ) from None
