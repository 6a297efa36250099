from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.job.images import image_of, stored_images
from socklat_gate.job.reference import Reference, find_reference
from socklat_gate.service.built_images import REPOSITORY
from tests.unit.job.fakes import scenario, stored
from tests.unit.job.test_reference import Builder, Built, Daemon, buildable, discard
from tests.unit.repositories import Repository, new_repository
from tests.unit.verdict.builders import campaign_of


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = new_repository(tmp_path / "repository")
    made.commit("FROM base", "docker/api.Dockerfile")
    made.commit("x", "perf/socklat.toml")
    made.git("checkout", "--quiet", "-b", "topic")
    made.commit("FROM changed", "docker/api.Dockerfile")
    return made


def at_base(repository: Repository, how: dict[str, Any]) -> tuple[Reference, Builder]:
    daemon: Any = Builder()
    store = BaselineStore.at(repository.path / "none")
    directory = repository.path / "perf"
    found = find_reference(
        daemon, buildable(how), store, directory, discard, ref="main", built=Built(daemon)
    )
    return found, daemon


@pytest.mark.parametrize("context", ["..", "../docker/..", "absolute"])
def test_a_dockerfile_elsewhere_is_that_of_the_commit(repository: Repository, context: str) -> None:
    given = str(repository.path) if context == "absolute" else context
    before = repository.state()
    reference, daemon = at_base(
        repository, {"context": given, "dockerfile": "docker/api.Dockerfile", "target": "prod"}
    )
    assert reference.image is not None
    assert reference.image.id == "FROM base"
    (order,) = daemon.orders
    assert order.how.target == "prod"
    assert "of commit" in order.name
    assert str(order.directory) not in order.name
    assert repository.state() == before


@pytest.mark.parametrize(
    "how",
    [
        {"context": "../.."},
        {"context": "/"},
        {"context": "..", "dockerfile": "../elsewhere/Dockerfile"},
    ],
)
def test_what_no_commit_has_is_no_baseline(repository: Repository, how: dict[str, Any]) -> None:
    (repository.path.parent / "elsewhere").mkdir()
    (repository.path.parent / "elsewhere" / "Dockerfile").write_text("FROM candidate")
    (repository.path.parent / "Dockerfile").write_text("FROM candidate")
    with pytest.raises(UsageError, match="outside of the repository") as caught:
        at_base(repository, how)
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert "--baseline-image" in str(caught.value.remedy)


def test_a_commit_without_that_dockerfile_is_no_baseline_yet(repository: Repository) -> None:
    repository.commit("FROM new", "docker/new.Dockerfile")
    with pytest.raises(NoUsableBaseline, match=r"has no \.\./docker/new\.Dockerfile") as caught:
        at_base(repository, {"context": "..", "dockerfile": "docker/new.Dockerfile"})
    assert caught.value.reason is Reason.NO_BASELINE_YET


@pytest.mark.parametrize("remedy", ["make `compose --file {} config` succeed", "log in"])
def test_a_stack_that_a_commit_cannot_give_is_named_without_where_it_was_looked_for(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, remedy: str
) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.commit("services: {}", "perf/compose.yml")
    repository.git("checkout", "--quiet", "topic")
    repository.git("rebase", "--quiet", "main")
    looked: list[Path] = []

    def stack_image(_client: object, files: list[Path], *_rest: object, **_how: object) -> None:
        looked.append(files[0])
        said = f"compose refuses {files[0]}: {files[0].parents[1]}/docker/x is not there"
        error = UsageError(Reason.BAD_SCENARIO, said, remedy=remedy.format(files[0]))
        raise error.with_log(f"reading {files[0]}")

    monkeypatch.setattr("socklat_gate.job.images.stack_image", stack_image)
    service = buildable(None).service
    keys = {"compose": "compose.yml", "service": "api"}
    wanted = buildable(None).model_copy(update={"service": service.model_copy(update=keys)})
    (repository.path / "perf" / "compose.yml").write_text("services: {}")
    store = BaselineStore.at(repository.path / "none")
    daemon: Any = Builder()
    directory = repository.path / "perf"
    with pytest.raises(UsageError) as caught:
        find_reference(daemon, wanted, store, directory, discard, ref="main", built=Built(daemon))
    error = caught.value
    commit = repository.git("rev-parse", "main")[:12]
    assert error.message == (f"commit {commit}: compose refuses compose.yml: docker/x is not there")
    assert error.log == "reading compose.yml"
    assert error.reason is Reason.BAD_SCENARIO
    changed = "{}" in remedy
    assert str(error.remedy).startswith("it is as it is in that commit" if changed else "log in")
    assert not looked[0].exists()


def test_stages_are_images_of_their_own() -> None:
    orders = [buildable(how).service.built for how in ("app", {"context": "app", "target": "a"})]
    assert orders[0].target is None
    assert orders[1].target == "a"


def test_no_registry_is_asked_for_what_was_built_here() -> None:
    daemon: Any = Daemon(registry={f"{REPOSITORY}:{'0' * 16}": "sha256:9"})
    campaign = replace(campaign_of([]), image=f"{REPOSITORY}:{'0' * 16}", image_id="sha256:9")
    assert image_of(daemon, campaign, discard) is None
    assert daemon.pulled == []


def test_which_images_stored_campaigns_name(tmp_path: Path) -> None:
    assert stored_images(BaselineStore.at(tmp_path / "none"), scenario()) == frozenset()
    store = stored(tmp_path / "some", 3)
    (only,) = stored_images(store, scenario()) or ()
    assert only.startswith("sha256:")
    for file in (tmp_path / "some").rglob("*"):
        if file.is_file():
            file.write_bytes(b"{")
    assert stored_images(BaselineStore.at(tmp_path / "some"), scenario()) is None
