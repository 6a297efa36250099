"""Campaigns from wherever a user points: a file, a result, or a directory of either."""

from __future__ import annotations

import os
from pathlib import Path

from socklat_gate.baseline.promotion import check_passed
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, schema_of
from socklat_gate.documents.files import read_campaign, read_result
from socklat_gate.documents.reading import RESULT_FILE
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.result import Comparison, Result, RunResult
from socklat_gate.measured.verdict import Outcome

__all__ = ["campaign_of", "campaigns_at", "result_at"]


def result_at(path: Path) -> Result:
    """The result in a file, or in a directory that holds a ``result.json``.

    Raises `UsageError` (NO_SUCH_FILE) when there is none, `NoUsableBaseline` when it cannot be
    used.
    """
    file = path / RESULT_FILE if path.is_dir() else path
    _require(file)
    return read_result(file)


def campaigns_at(path: Path, *, as_base: bool = False) -> list[Campaign]:
    """All campaigns at ``path``, oldest first; at least one.

    A directory is one with a ``result.json`` or with stored campaigns.  Raises `NoUsableBaseline`
    when there is none, or when any of them is damaged; `UsageError` as `campaign_of`, and
    ``as_base`` as `check_passed`.  What is not there is no baseline ``as_base``, else a path that
    was mistyped.
    """
    if not as_base:
        _require(path)
    if path.is_dir() and not (path / RESULT_FILE).is_file():
        found = [read_campaign(file) for file in sorted(path.glob("*.json"))]
        if not found:
            raise NoUsableBaseline(
                Reason.BASELINE_EMPTY,
                f"{path} holds neither campaigns (*.json) nor a {RESULT_FILE}",
                remedy="give the directory of one scenario, such as baselines/NAME",
            )
        return found
    if not path.is_dir() and schema_of(path) == CAMPAIGN_SCHEMA:
        return [read_campaign(path)]
    result = result_at(path)
    if as_base:
        check_passed(result)
    return [campaign_of(result)]


def _require(path: Path) -> None:
    """Raises `UsageError` (NO_SUCH_FILE); what keeps a file from being read is told by reading."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"there is no file {path}",
            remedy="give a result.json, or the directory that `gate --out` wrote",
        ) from None
    except (OSError, ValueError):
        return


def campaign_of(result: Result) -> Campaign:
    """The candidate's numbers in a result, as a campaign; red ones too (see `check_passed`).

    Raises `UsageError` (RESULT_NOT_PASSED) for a measurement that did not happen as planned.
    """
    if isinstance(result, RunResult):
        return result.campaign
    if result.verdict.outcome is Outcome.INVALID:
        raise UsageError(
            Reason.RESULT_NOT_PASSED,
            "the result's verdict is invalid: its numbers stand for nothing",
            remedy="measure again; report.md beside it says what went wrong",
        )
    if isinstance(result, Comparison):
        return result.campaign
    if result.campaign is not None:
        return result.campaign
    used = [pair for pair in result.pairs if not pair.excluded]
    if not used:
        raise NoUsableBaseline(Reason.BASELINE_EMPTY, "the result holds no measurement")
    return Campaign(
        scenario_name=result.scenario_name,
        scenario_hash=result.scenario_hash,
        mode="paired",
        created=result.created,
        commit=result.commit,
        image=result.candidate_image,
        image_id=used[0].candidate.image_id,
        fingerprint=result.fingerprint,
        runs=tuple(pair.candidate for pair in used),
        noise=tuple(pair.noise for pair in used),
        branch=result.branch,
        former_hashes=result.former_hashes,
    )
