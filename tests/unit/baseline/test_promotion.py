from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from socklat_gate.baseline.campaigns import campaign_of, campaigns_at
from socklat_gate.baseline.promotion import check_commit, check_passed
from socklat_gate.errors import Reason, UsageError
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result

COMMIT = "1f2e3d4c5b6a79880123456789abcdef01234567"


def test_a_commit_as_it_is_may_be_promoted() -> None:
    check_commit(replace(make_result(outcome=Outcome.PASS), commit=COMMIT))
    check_commit(replace(make_result(outcome=Outcome.PASS), commit="ab" * 32))


@pytest.mark.parametrize("commit", [f"{COMMIT}-dirty", "unknown", "", "1f2e3d4", f"{COMMIT}\n"])
def test_what_is_in_no_commit_may_not(commit: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_commit(replace(make_result(outcome=Outcome.PASS), commit=commit))
    assert caught.value.reason is Reason.COMMIT_UNKNOWN
    assert "--allow-dirty" in str(caught.value.remedy)


def test_only_what_passed_or_was_measured_alone_is_stored() -> None:
    check_passed(make_result(outcome=Outcome.PASS))
    check_passed(make_result("run"))
    for outcome in (Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.INVALID):
        with pytest.raises(UsageError, match=outcome.value) as caught:
            check_passed(make_result(outcome=outcome))
        assert caught.value.reason is Reason.RESULT_NOT_PASSED


def test_the_base_of_a_comparison_has_passed(tmp_path: Path) -> None:
    for outcome in (Outcome.PASS, Outcome.REGRESSION):
        write_reports(make_result(outcome=outcome), tmp_path / outcome.value)
    assert len(campaigns_at(tmp_path / "pass", as_base=True)) == 1
    assert len(campaigns_at(tmp_path / "regression")) == 1
    for path in (tmp_path / "regression", tmp_path / "regression" / "result.json"):
        with pytest.raises(UsageError, match="regression") as caught:
            campaigns_at(path, as_base=True)
        assert caught.value.reason is Reason.RESULT_NOT_PASSED


def test_red_numbers_can_be_compared_but_invalid_ones_cannot() -> None:
    assert len(campaign_of(make_result(outcome=Outcome.REGRESSION)).runs) == 2
    with pytest.raises(UsageError, match="stand for nothing"):
        campaign_of(make_result(outcome=Outcome.INVALID))
