"""For which baseline a waiver holds: never for one that has the waived change already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.job.waivers import Compared, waivers_in_force
from socklat_gate.scenario import Scenario
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import scenario
from tests.unit.repositories import Repository, new_repository

WAIVER = """
[[waiver]]
metric = "response_p50"
baseline = "{}"
"""


def waived(baseline: str, **service: Any) -> Scenario:
    planned = scenario()
    waiver = {
        "metric": "response_p50",
        "ceiling": 0.4,
        "expires": date(2999, 12, 31),
        "link": "https://tracker.example/1",
        "baseline": baseline,
    }
    table = planned.service.model_dump() | {"image": None, "build": "app"} | service
    return Scenario.model_validate(planned.model_dump() | {"service": table, "waiver": [waiver]})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = new_repository(tmp_path / "repository")
    made.commit("FROM base", "app/Dockerfile")
    made.commit('name = "demo"', "socklat.toml")
    return made


Why = Callable[..., str]


@pytest.fixture
def why_not(repository: Repository) -> Why:
    """Why a waiver given for one commit does not hold for another one; "" if it does."""

    def judge(given_for: str, baseline: str, *images: str, **service: Any) -> str:
        planned = waived(given_for[:12] if len(given_for) == 40 else given_for, **service)
        compared = Compared(repository.path / "socklat.toml", baseline, images)
        held, notes = waivers_in_force(planned, compared)
        assert (len(held), len(notes)) in ((1, 0), (0, 1))
        return note_text(notes[0]) if notes else ""

    return judge


def test_for_the_commit_it_names_and_for_older_ones(repository: Repository, why_not: Why) -> None:
    base = repository.git("rev-parse", "HEAD")
    older = repository.git("rev-parse", "HEAD~1")
    assert why_not(base, base) == ""
    assert why_not(base, older) == ""


def test_while_its_change_is_open_other_merges_do_not_end_it(
    repository: Repository, why_not: Why
) -> None:
    base = repository.git("rev-parse", "HEAD")
    moved_on = repository.commit("FROM other", "app/Dockerfile")
    assert why_not(base, moved_on) == ""


@pytest.mark.parametrize("how", ["merge", "squash"])
def test_after_the_merge_it_passes_no_second_change(
    repository: Repository, why_not: Why, how: str
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.commit("FROM slower", "app/Dockerfile")
    repository.commit('name = "demo"' + WAIVER.format(base[:12]), "socklat.toml")
    repository.git("checkout", "--quiet", "main")
    repository.commit("else", "other")
    if how == "merge":
        repository.git("merge", "--quiet", "--no-ff", "-m", "merged", "topic")
    else:
        repository.git("merge", "--quiet", "--squash", "topic")
        repository.git("commit", "--quiet", "-m", "squashed")
    merged = repository.git("rev-parse", "HEAD")
    text = why_not(base, merged)
    assert f"the waiver of response_p50 is not in force: it is given for {base[:12]}" in text
    assert f'write baseline = "{merged[:12]}"' in text
    # Given anew, it holds for what it is given for.
    assert why_not(merged, merged) == ""
    # As long as nothing newer is stored, the total is held against the ceiling.
    assert why_not(base, base) == ""


def test_a_waiver_that_is_merged_ahead_of_its_change_holds_until_the_change_is(
    repository: Repository, why_not: Why
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.commit('name = "demo"' + WAIVER.format(base[:7]), "socklat.toml")
    ahead = repository.commit("{}", "baselines/demo/campaign.json")
    assert why_not(base, ahead) == ""
    slower = repository.commit("FROM slower", "app/Dockerfile")
    assert "may be a part of it" in why_not(base, slower)


def test_without_a_build_every_file_may_be_the_service(
    repository: Repository, why_not: Why
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.commit('name = "demo"' + WAIVER.format(base[:7]), "socklat.toml")
    elsewhere = repository.commit("x", "somewhere/else.py")
    assert why_not(base, elsewhere) == ""
    assert "may be a part of it" in why_not(base, elsewhere, build=None, image="demo:2")
    mounted = why_not(base, elsewhere, volumes=["./somewhere:/etc/demo:ro"])
    assert "may be a part of it" in mounted


def test_a_directory_that_the_change_moves_does_not_bring_it_back(
    repository: Repository, why_not: Why
) -> None:
    """Neither commit has files there, which are not the same ones for that."""
    base = repository.git("rev-parse", "HEAD")
    repository.commit('name = "demo"' + WAIVER.format(base[:12]), "socklat.toml")
    merged = repository.commit("FROM slower", "app/Dockerfile")
    assert "is not in force" in why_not(base, merged)
    assert "is not in force" in why_not(base, merged, build="moved")
    assert "is not in force" in why_not(base, merged, build={"context": "app", "dockerfile": "x"})


def test_a_scenario_that_cannot_be_read_has_the_waiver(
    repository: Repository, why_not: Why
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.commit("name = [", "socklat.toml")
    repository.commit("FROM slower", "app/Dockerfile")
    assert why_not(base, repository.git("rev-parse", "HEAD"))


def test_what_is_not_known_is_not_in_force(repository: Repository, why_not: Why) -> None:
    base = repository.git("rev-parse", "HEAD")
    for unknown in ("", "unknown", f"{base}-dirty"):
        assert "is not known" in why_not(base, unknown)
    assert "is no commit in this clone" in why_not("0123456789ab", base)
    repository.git("checkout", "--quiet", "--orphan", "stranger")
    stranger = repository.commit("x", "y")
    assert "neither comes before nor after it" in why_not(base, stranger)


def test_an_image_is_named_by_its_id_or_digest(repository: Repository, why_not: Why) -> None:
    image, digest = "sha256:" + "ab" * 32, "shop/api@sha256:" + "cd" * 32
    assert why_not("sha256:" + "ab" * 6, "", image, digest) == ""
    assert why_not("sha256:" + "cd" * 32, "", image, digest) == ""
    text = why_not("sha256:" + "ef" * 6, "", image, digest)
    assert "another is compared with" in text
    assert f'write baseline = "{image}"' in text
    assert "another is compared with" in why_not(
        "sha256:" + "ab" * 6, repository.git("rev-parse", "HEAD")
    )
