"""What a nightly gate compares with, and for how long."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.nightly import MAX_MINUTES, WATCH_MINUTES, nightly_scenario, release_of
from socklat_gate.job.reference import Reference
from socklat_gate.job.release import find_release
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.watch import Watch
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import scenario, stored
from tests.unit.job.test_reference import Builder, Daemon, buildable, built_by, discard
from tests.unit.repositories import Repository, new_repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The release's tag is on a branch of its own: no merge base stands for it."""
    made = new_repository(tmp_path / "repository")
    made.commit("FROM main", "app/Dockerfile")
    made.git("checkout", "--quiet", "-b", "release")
    made.commit("FROM released", "app/Dockerfile")
    made.git("tag", "v1.4.0")
    made.git("checkout", "--quiet", "main")
    made.commit("FROM newer", "app/Dockerfile")
    return made


def find(
    daemon: Any, store: BaselineStore, repository: Repository, release: str, **changes: Any
) -> Reference:
    wanted = changes.pop("wanted", buildable("app"))
    return find_release(
        daemon,
        wanted,
        store,
        repository.path,
        discard,
        release=release,
        built=built_by(daemon),
        **changes,
    )


def test_a_tag_is_built_as_it_is_not_as_its_merge_base(
    tmp_path: Path, repository: Repository
) -> None:
    before = repository.state()
    with ExitStack() as keep:
        store = BaselineStore.at(tmp_path / "none")
        found = find(Builder(), store, repository, "v1.4.0", keep=keep)
        assert found.image is not None
        assert found.image.id == "FROM released"
        assert found.commit == repository.git("rev-parse", "v1.4.0")
        assert note_text(found.why) == "the pinned release 'v1.4.0'"
        assert found.notes == ()  # nothing was promoted that could be gone
    assert repository.state() == before


def test_the_promoted_image_comes_before_a_build(tmp_path: Path, repository: Repository) -> None:
    commit = repository.git("rev-parse", "v1.4.0")
    store = stored(tmp_path / "kept", 1, commit=commit, image_id="sha256:promoted")
    found = find(Daemon({"app:1.4": "sha256:promoted"}), store, repository, "v1.4.0")
    assert found.image is not None
    assert (found.image.id, found.commit, found.arm) == ("sha256:promoted", commit, None)
    daemon = Builder()
    again = find(daemon, store, repository, commit)
    assert again.image is not None
    assert again.image.id == "FROM released"
    assert "was built anew from its commit" in note_text(again.notes[0])


def test_an_image_is_a_release_too(tmp_path: Path, repository: Repository) -> None:
    store = stored(tmp_path / "kept", 1, commit="unknown", image="app:1.4", image_id="sha256:old")
    gone = find(Daemon({"app:1.4": "sha256:retagged"}), store, repository, "app:1.4")
    assert gone.image is not None
    assert (gone.image.id, gone.commit) == ("sha256:retagged", "")
    kept = find(Daemon({"x": "sha256:old"}), store, repository, "app:1.4")
    assert kept.image is not None
    assert (kept.image.id, kept.commit) == ("sha256:old", "unknown")


def test_a_release_that_cannot_be_run_is_an_error_never_numbers(
    tmp_path: Path, repository: Repository
) -> None:
    commit = repository.git("rev-parse", "v1.4.0")
    store = stored(tmp_path / "kept", 6, commit=commit, image_id="sha256:gone")
    for wanted, why in ((scenario(), "builds no image"), (buildable("no"), "has no no/Dockerfile")):
        with pytest.raises(UsageError, match=why) as caught:
            find(Builder(), store, repository, "v1.4.0", wanted=wanted)
        assert caught.value.reason is Reason.NO_SUCH_IMAGE
    with pytest.raises(UsageError) as caught:
        find(Daemon(), store, repository, "v9.9.9")
    assert caught.value.reason is Reason.NO_SUCH_IMAGE


def named(**baseline: str) -> Scenario:
    given = scenario()
    return given.model_copy(update={"baseline": given.baseline.model_copy(update=baseline)})


def test_the_release_is_the_command_lines_else_the_scenarios() -> None:
    assert release_of(named(release="v1", image="app:1"), "v2") == "v2"
    assert release_of(named(release="v1", image="app:1"), None) == "v1"
    assert release_of(named(image="app:1"), None) == "app:1"
    with pytest.raises(UsageError, match="names none") as caught:
        release_of(scenario(), None)
    assert caught.value.reason is Reason.BAD_ARGUMENT


def test_a_night_has_a_long_watch_and_time_for_it() -> None:
    night = nightly_scenario(scenario())
    assert night.gate.max_minutes == MAX_MINUTES > WATCH_MINUTES
    long = nightly_scenario(scenario(max_minutes=120.0))
    assert long.gate.max_minutes == 120.0
    assert night.measured_hash() == scenario().measured_hash()
    for own, minutes in ((5.0, WATCH_MINUTES), (30.0, 30.0), (0.0, 0.0)):
        given = scenario(max_minutes=60.0, watch={"minutes": own})
        assert nightly_scenario(given).gate.watch.minutes == minutes
    unset = scenario().gate.model_copy(update={"watch": Watch()})
    night = nightly_scenario(scenario().model_copy(update={"gate": unset}))
    assert night.gate.watch.minutes == WATCH_MINUTES
