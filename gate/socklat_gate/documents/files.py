"""Campaigns and results as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from socklat_gate.documents.codec import JSON, from_body
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, RESULT_SCHEMA, read_document
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import NoUsableBaseline
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.result import Result

__all__ = ["decode_document", "read_campaign", "read_result"]

Read = TypeVar("Read")


def read_campaign(path: Path) -> Campaign:
    """A stored campaign.  Raises `NoUsableBaseline` as `read_document` and `from_body` do."""
    return decode_document(
        partial(from_body, Campaign), str(path), read_document(path, CAMPAIGN_SCHEMA)
    )


def read_result(path: Path) -> Result:
    """A stored ``result.json``.  Raises `NoUsableBaseline` likewise."""
    return decode_document(result_from_body, str(path), read_document(path, RESULT_SCHEMA))


def decode_document(decode: Callable[[JSON], Read], where: str, body: JSON) -> Read:
    """What ``decode`` reads in a document's body; ``where`` is for the message.

    Raises `NoUsableBaseline` as ``decode`` does.
    """
    try:
        return decode(body)
    except NoUsableBaseline as error:
        raise NoUsableBaseline(
            error.reason, f"{where}: {error.message}", remedy=error.remedy
        ) from None
