"""Stored results held against each other: what is never compared, and what counts once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.job.comparison import compare
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.verdict import Outcome
from socklat_gate.wording.notes import note_text
from tests.unit.factories import named_run
from tests.unit.job.fakes import run
from tests.unit.verdict.builders import campaign_of


def campaign(day: int, change: float = 0.0, **changes: str) -> Campaign:
    made = campaign_of([run(change + 0.001 * day)] * 3)
    return replace(made, created=f"2026-01-{day:02}T00:00:00+00:00", **changes)


def saved(directory: Path, *campaigns: Campaign) -> list[Path]:
    """Their files; each scenario has its directory in ``directory``."""
    store = BaselineStore.at(directory)
    return [directory / store.save(one) for one in campaigns]


def test_strangers_are_never_compared(tmp_path: Path) -> None:
    saved(tmp_path, *(campaign(day, scenario_name="shop") for day in range(1, 9)))
    (cart,) = saved(tmp_path, campaign(9, scenario_name="cart"))
    with pytest.raises(NoUsableBaseline) as caught:
        compare(str(tmp_path / "shop"), cart)
    assert caught.value.reason is Reason.BASELINE_SCENARIO
    assert "'shop'" in caught.value.message
    assert "'cart'" in caught.value.message
    assert compare(str(tmp_path / "cart"), saved(tmp_path, campaign(8, scenario_name="cart"))[0])


def test_of_a_mixed_directory_only_the_same_scenario_counts(tmp_path: Path) -> None:
    for one in saved(tmp_path, *(campaign(day, scenario_name="shop") for day in range(1, 9))):
        (tmp_path / "all").mkdir(exist_ok=True)
        one.rename(tmp_path / "all" / one.name)
    (mine, candidate) = saved(tmp_path, *(campaign(day, scenario_name="cart") for day in (10, 11)))
    mine.rename(tmp_path / "all" / mine.name)
    verdict = compare(str(tmp_path / "all"), candidate).verdict
    assert verdict.reasons[0].code is Reason.TOO_FEW_CAMPAIGNS


def test_a_candidate_that_is_also_in_the_base_is_left_out_of_it(tmp_path: Path) -> None:
    base = [campaign(day) for day in range(1, 7)]
    slow = campaign(20, 0.6)
    *_, candidate = saved(tmp_path, *base, slow)
    # Stored once more, for another branch.
    saved(tmp_path, replace(slow, branch="main"))
    result = compare(str(tmp_path / "demo"), candidate)
    assert result.verdict.outcome is Outcome.REGRESSION
    (text,) = map(note_text, result.notes)
    assert "the candidate's own campaign is among those given: left out" in text
    with pytest.raises(NoUsableBaseline, match="nothing can be compared with itself") as caught:
        compare(str(candidate), candidate)
    assert caught.value.reason is Reason.BASELINE_EMPTY


def test_a_copy_adds_nothing_to_what_is_known(tmp_path: Path) -> None:
    first, *others = [campaign(day) for day in range(1, 5)]
    saved(tmp_path, first, *others)
    *_, candidate = saved(
        tmp_path, replace(first, branch="b"), replace(first, branch="c"), campaign(9)
    )
    result = compare(str(tmp_path / "demo"), candidate)
    # Six files, of four measurements: too few.
    assert result.verdict.reasons[0].code is Reason.TOO_FEW_CAMPAIGNS
    (text,) = map(note_text, result.notes)
    assert "the candidate's own campaign is among those given and 2 campaigns of the base" in text


def test_two_measurements_of_one_moment_are_two(tmp_path: Path) -> None:
    *_, candidate = saved(tmp_path, *(campaign(1, 0.001 * n) for n in range(5)), campaign(9))
    (candidate.parent.parent / "apart").mkdir()
    candidate = candidate.rename(tmp_path / "apart" / candidate.name)
    result = compare(str(tmp_path / "demo"), candidate)
    assert result.notes == ()
    assert result.verdict.outcome is Outcome.PASS


def test_a_former_hash_of_the_candidate_is_its_scenario_too(tmp_path: Path) -> None:
    *_, candidate = saved(
        tmp_path,
        *(campaign(day, scenario_hash="a" * 16) for day in range(1, 6)),
        replace(campaign(9, scenario_hash="b" * 16), former_hashes=("a" * 16,)),
    )
    result = compare(str(tmp_path / "demo"), candidate)
    assert result.verdict.outcome is Outcome.PASS
    assert result.campaign.former_hashes == ("a" * 16,)


def test_names_of_stored_runs_are_judged_without_a_scenario(tmp_path: Path) -> None:
    """What of them was due decides which; what became of it does not."""

    def of_names(day: int, change: float = 0.0) -> Campaign:
        mixed = named_run({"cart": run(change + 0.001 * day), "home": run(0.001 * day)})
        return replace(campaign(day), runs=(mixed,) * 3)

    *_, candidate = saved(tmp_path, *(of_names(day) for day in range(1, 9)), of_names(20, 0.5))
    verdict = compare(str(tmp_path / "demo"), candidate).verdict
    assert [metric.name for metric in verdict.metrics[4:]] == [
        f"response_p{quantile}[{name}]" for name in ("cart", "home") for quantile in (50, 90)
    ]
    assert "response_p50[cart]" in [fact.subject for fact in verdict.reasons]
    assert verdict.outcome is Outcome.REGRESSION
