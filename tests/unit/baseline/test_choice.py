from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.baseline.choice import Lineage, choose, up_to
from socklat_gate.measured.campaign import Campaign
from socklat_gate.wording.notes import note_text
from tests.unit.factories import make_campaign

COMMITS = tuple(f"{number:040x}" for number in range(5))
"""HEAD first."""
ELSEWHERE = "f" * 40


def stored(*measured: tuple[str, str]) -> list[Campaign]:
    """Campaigns of commits and branches, a day apart."""
    return [
        make_campaign(1, created=f"2026-03-{day:02d}T00:00:00Z", commit=commit, branch=branch)
        for day, (commit, branch) in enumerate(measured, 1)
    ]


def days(campaigns: Sequence[Campaign]) -> list[int]:
    return [int(campaign.created[8:10]) for campaign in campaigns]


def test_the_nearest_commit_with_a_campaign_is_chosen() -> None:
    campaigns = stored(
        (COMMITS[4], "main"), (COMMITS[2], "main"), (COMMITS[2], "main"), (ELSEWHERE, "main")
    )
    choice = choose(campaigns, Lineage(COMMITS))
    assert choice.campaign is campaigns[2]
    assert choice.commit == COMMITS[2]
    assert (
        note_text(choice.why)
        == "the nearest ancestor with a baseline, 2 commits before this commit"
    )
    assert days(up_to(campaigns, Lineage(COMMITS))) == [1, 2, 3]


def test_the_merge_base_itself_is_said_to_be_it() -> None:
    campaigns = stored((COMMITS[0], "main"), (COMMITS[1], "main"))
    choice = choose(campaigns, Lineage(COMMITS, "main", "main"))
    assert (choice.commit, note_text(choice.why)) == (COMMITS[0], "the merge base of 'main'")
    one_back = choose(campaigns[1:], Lineage(COMMITS, "main", "main"))
    assert note_text(one_back.why).endswith("1 commit before the merge base of 'main'")


def test_the_order_of_commits_counts_not_that_of_measuring() -> None:
    campaigns = stored((COMMITS[1], "main"), (COMMITS[3], "main"))
    assert choose(campaigns, Lineage(COMMITS)).campaign is campaigns[0]


def test_otherwise_the_newest_of_the_branch_is_taken() -> None:
    campaigns = stored((ELSEWHERE, "main"), (ELSEWHERE, "main"), (ELSEWHERE, "feature"))
    lineage = Lineage(COMMITS, branch="main", unknown="shallow")
    choice = choose(campaigns, lineage)
    assert choice.campaign is campaigns[1]
    shallow = (
        "this clone is shallow: fetch the whole history (fetch-depth: 0 in GitHub Actions, "
        "GIT_DEPTH: 0 in GitLab CI)"
    )
    assert note_text(choice.why) == f"the newest stored of branch 'main' ({shallow})"
    lost = choose(campaigns, Lineage(COMMITS, branch="main", unknown="no_merge_base"))
    assert note_text(lost.why).endswith("(the merge base of 'main' is not known here)")
    assert days(up_to(campaigns, lineage)) == [1, 2]


def test_and_the_newest_of_all_when_the_branch_has_none() -> None:
    campaigns = stored(("unknown", ""), (ELSEWHERE, "feature"))
    for lineage in (Lineage(), Lineage(COMMITS, branch="main")):
        choice = choose(campaigns, lineage)
        assert choice.campaign is campaigns[1]
        assert note_text(choice.why) == "the newest stored"
        assert days(up_to(campaigns, lineage)) == [1, 2]


def test_what_was_measured_with_changed_files_is_of_no_commit() -> None:
    campaigns = stored((COMMITS[3], "main"), (f"{COMMITS[0]}-dirty", "main"))
    assert choose(campaigns, Lineage(COMMITS)).commit == COMMITS[3]
