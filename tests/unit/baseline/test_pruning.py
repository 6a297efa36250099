from __future__ import annotations

import pytest

from socklat_gate.baseline.pruning import prunable
from socklat_gate.baseline.store import StoredCampaign
from socklat_gate.measured.campaign import Fingerprint
from tests.unit.factories import make_campaign


def stored(day: int, **changes: object) -> StoredCampaign:
    created = f"2026-03-{day:02d}T00:00:00Z"
    changed = {"branch": "main", "created": created, **changes}
    return StoredCampaign(str(day), make_campaign(1, **changed))


def test_the_newest_stay() -> None:
    campaigns = [stored(day) for day in range(1, 6)]
    assert prunable(campaigns, 2) == ("1", "2", "3")
    assert prunable(campaigns, 5) == ()
    with pytest.raises(ValueError, match="at least one"):
        prunable(campaigns, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"branch": "feature"},
        {"mode": "paired"},
        {"scenario_name": "other"},
        {"fingerprint": Fingerprint({"kernel": "6.12"})},
    ],
)
def test_each_branch_mode_scenario_and_machine_counts_for_itself(other: dict[str, object]) -> None:
    campaigns = [stored(1, **other), *(stored(day) for day in (2, 3))]
    assert prunable(campaigns, 1) == ("2",)


def test_neither_facts_nor_an_older_load_make_a_group_of_their_own() -> None:
    facts = Fingerprint(make_campaign(1).fingerprint.must_match, {"docker": "1"})
    campaigns = [stored(1, fingerprint=facts), stored(2, scenario_hash="f" * 16), stored(3)]
    assert prunable(campaigns, 1) == ("1", "2")


def test_releases_stay_and_do_not_count() -> None:
    release = "abcdef0" + "1" * 33
    campaigns = [stored(1, commit=release), stored(2), stored(3, image="app:1.4"), stored(4)]
    assert prunable(campaigns, 1) == ("1", "2", "3")
    assert prunable(campaigns, 1, ["abcdef0", "app:1.4"]) == ("2",)
    # Too short for a commit.
    assert prunable(campaigns, 1, ["abc"]) == ("1", "2", "3")
