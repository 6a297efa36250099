"""Creation times of campaigns: any ISO 8601 in, UTC out."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from socklat_gate.documents.reading import VERIFY
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError

__all__ = ["compact_time", "creation_time"]


def creation_time(created: str) -> datetime:
    """Creation time in UTC; a time without zone is taken as UTC.

    Raises `NoUsableBaseline` (baseline_corrupt) for anything else.
    """
    try:
        moment = datetime.fromisoformat(re.sub("Z$", "+00:00", created))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise NoUsableBaseline(
            Reason.BASELINE_CORRUPT,
            f"creation time {created[:40]!r} of a campaign is not ISO 8601",
            remedy=VERIFY,
        ) from None


def compact_time(created: str) -> str:
    """As it stands in a file's name.  Raises `UsageError` (bad_argument) instead."""
    try:
        return creation_time(created).strftime("%Y%m%dT%H%M%SZ")
    except NoUsableBaseline as error:
        raise UsageError(Reason.BAD_ARGUMENT, error.message, remedy="use ISO 8601") from None
