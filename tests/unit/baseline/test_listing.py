"""Lines of a place's campaigns, whose documents are whole but say what they must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.baseline.listing import summaries
from socklat_gate.baseline.places.directory import Directory
from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, write_document
from tests.unit.factories import make_campaign

NAME = "20260304T050607Z-0123456789ab.json"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"runs": []}, "expected a campaign of at least one run"),
        ({"runs": 3}, "field runs: expected a list"),
        ({"mode": "twice"}, "field mode: expected one of ('single', 'paired')"),
        ({"image": 5}, "field image: expected text"),
        ({"branch": None}, "field branch: expected text"),
        ({"created": "soon"}, "creation time 'soon'"),
        ({"scenario_name": "other"}, "holds a campaign of scenario 'other'"),
        ({"commit": ...}, "expected an object with member 'commit'"),
    ],
)
def test_a_heading_that_cannot_be_is_a_problem(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    body = {**to_body(make_campaign(1)), **changes}
    body = {name: value for name, value in body.items() if value is not ...}
    (tmp_path / "checkout").mkdir()
    write_document(tmp_path / "checkout" / NAME, CAMPAIGN_SCHEMA, body)
    (row,) = summaries(Directory(tmp_path))
    assert (row.name, row.scenario) == (f"checkout/{NAME}", "checkout")
    assert problem in row.problem
    assert row.created == ""


def test_a_document_without_a_branch_is_an_old_one(tmp_path: Path) -> None:
    body = to_body(make_campaign(1))
    del body["branch"]
    (tmp_path / "checkout").mkdir()
    write_document(tmp_path / "checkout" / NAME, CAMPAIGN_SCHEMA, body)
    (row,) = summaries(Directory(tmp_path))
    assert (row.branch, row.runs, row.problem) == ("", 1, "")
