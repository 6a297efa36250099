"""The baseline arm as its commit has it, and what the report says of both arms."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.documents.decoding import reader_of
from socklat_gate.documents.encoding import encode
from socklat_gate.documents.fields import Field
from socklat_gate.job.arm_differences import MOST, arm_differences
from socklat_gate.job.reference import Reference, find_reference
from socklat_gate.measured.arm_differences import ArmDifferences
from socklat_gate.measured.facts import NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service.compose import StackReading
from socklat_gate.service.container_options import bind_mounts
from socklat_gate.service.image import ImageRef
from socklat_gate.service.stack_trees import Trees
from socklat_gate.wording.notes import note_text
from tests.unit.job.test_reference import Builder, built_by, discard
from tests.unit.repositories import Repository, new_repository

SCENARIO = """name = "demo"
[service]
build = "app"
command = ["./api", "--old"]
port = 80
volumes = ["./conf:/etc/demo:ro", "./local:/data"]
[service.env]
MODE = "a"
OLD = "1"
[load]
driver = "http"
"""
CANDIDATE = ImageRef("demo:2", "sha256:2", "")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """ "main" has the scenario in shop/; "topic", checked out, changes nearly all of it."""
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    made = new_repository(tmp_path / "repository")
    made.commit("local\n", ".gitignore")
    made.commit("FROM base", "shop/app/Dockerfile")
    made.commit("workers = 1", "shop/conf/demo.ini")
    made.commit("x", "shop/conf/gone.ini")
    made.commit(SCENARIO, "shop/socklat.toml")
    made.git("checkout", "--quiet", "-b", "topic")
    (made.path / "shop" / "local").mkdir()
    return made


def change(repository: Repository) -> None:
    text = SCENARIO.replace("--old", "--new").replace('MODE = "a"\nOLD = "1"', 'MODE = "secret"')
    text = text.replace('"./conf:/etc/demo:ro"', '"./conf:/etc/demo:ro", "./more:/more"')
    repository.commit(text, "shop/socklat.toml")
    repository.commit("workers = 4", "shop/conf/demo.ini")
    repository.git("rm", "--quiet", "shop/conf/gone.ini")
    repository.commit("y", "shop/more/x")
    repository.commit("FROM changed", "shop/app/Dockerfile")
    (repository.path / "shop" / "conf" / "new.ini").write_text("not added yet")


def compared(
    repository: Repository, keep: ExitStack, daemon: Any = None
) -> tuple[Scenario, Reference]:
    directory = repository.path / "shop"
    planned = load_scenario(directory / "socklat.toml")
    store = BaselineStore.at(repository.path / "none")
    daemon = daemon or Builder()
    reference = find_reference(
        daemon, planned, store, directory, discard, ref="main", keep=keep, built=built_by(daemon)
    )
    return planned, reference


def differences(repository: Repository, planned: Scenario, reference: Reference) -> ArmDifferences:
    assert reference.image is not None
    directory = repository.path / "shop"
    return arm_differences(planned, directory, reference.image, CANDIDATE, reference.arm)


def test_the_baseline_arm_is_that_of_its_commit(repository: Repository) -> None:
    change(repository)
    before = repository.state()
    with ExitStack() as keep:
        planned, reference = compared(repository, keep)
        arm = reference.arm
        assert arm is not None
        assert arm.service.command == ["./api", "--old"]
        assert arm.service.env == {"MODE": "a", "OLD": "1"}
        assert arm.service.port == planned.service.port
        conf, local = bind_mounts(arm.service.volumes, arm.directory)
        mounted = Path(conf.partition(":")[0])
        assert {file.name for file in mounted.iterdir()} == {"demo.ini", "gone.ini"}
        assert (mounted / "demo.ini").read_text() == "workers = 1"
        # git does not have it: both arms are given the one that is here, and the report says so.
        assert local == f"{repository.path / 'shop' / 'local'}:/data:rw"
        assert [note.subject for note in arm.notes] == ["./local"]
    assert not mounted.exists()
    assert repository.state() == before


def test_all_that_differs_is_named(repository: Repository) -> None:
    change(repository)
    with ExitStack() as keep:
        found = differences(repository, *compared(repository, keep))
    rows = [(one.kind, one.name, one.baseline, one.candidate) for one in found.found]
    assert rows == [
        ("image", "", "FROM base", "sha256:2"),
        ("command", "", "./api --old", "./api --new"),
        ("environment", "MODE", "", ""),
        ("environment", "OLD", "", "absent"),
        ("mounts", "./more:/more", "absent", ""),
        ("file", "shop/conf/demo.ini", "", ""),
        ("file", "shop/conf/gone.ini", "", "absent"),
        ("file", "shop/conf/new.ini", "absent", ""),
        ("file", "shop/more/x", "absent", ""),
        ("source", "shop/app/Dockerfile", "", ""),
    ]
    assert found.beside_image
    assert "secret" not in str(found)
    (text,) = map(note_text, found.not_known)
    assert text.startswith("./local is not in the commit compared with")


def test_nothing_differs_where_nothing_was_changed(repository: Repository) -> None:
    with ExitStack() as keep:
        found = differences(repository, *compared(repository, keep))
    assert [one.kind for one in found.found] == ["image"]
    assert not found.beside_image


def test_what_git_ignores_and_the_builder_gets_is_in_the_candidate_alone(
    repository: Repository,
) -> None:
    app = repository.path / "shop" / "app"
    repository.commit("local\n*.o\nbuild/\nmodules/\n", ".gitignore")
    repository.commit("modules\n", "shop/app/.dockerignore")
    for name in ("old.o", "build/deep/x", "modules/y/z"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("of another build")
    (repository.path / "shop" / "elsewhere.o").write_text("")
    with ExitStack() as keep:
        found = differences(repository, *compared(repository, keep))
    rows = [(one.name, one.baseline) for one in found.found if one.kind == "source"]
    assert rows == [
        ("shop/app/.dockerignore", "absent"),
        ("shop/app/build/", "absent"),
        ("shop/app/old.o", "absent"),
    ]


def test_only_so_many_files_are_named(repository: Repository) -> None:
    for number in range(60):
        (repository.path / "shop" / "conf" / f"{number:02}.ini").write_text("")
    with ExitStack() as keep:
        found = differences(repository, *compared(repository, keep))
    assert (len(found.found), found.more) == (MOST, 61 - MOST)


def test_with_a_named_image_both_arms_have_the_files_of_today(repository: Repository) -> None:
    planned = load_scenario(repository.path / "shop" / "socklat.toml")
    base = ImageRef("demo:1", "sha256:1", "")
    found = arm_differences(planned, repository.path / "shop", base, CANDIDATE, None)
    assert [one.kind for one in found.found] == ["image"]
    assert [note.subject for note in found.not_known] == ["./conf", "./local"]


def test_a_directory_that_moved_is_built_where_it_was(repository: Repository) -> None:
    repository.git("mv", "shop/app", "shop/api")
    repository.commit(SCENARIO.replace('"app"', '"api"'), "shop/socklat.toml")
    with ExitStack() as keep:
        _, reference = compared(repository, keep)
    assert reference.image is not None
    assert reference.image.id == "FROM base"


def test_a_scenario_that_the_commit_does_not_have_is_todays(repository: Repository) -> None:
    repository.git("mv", "shop/socklat.toml", "shop/renamed.toml")
    repository.git("commit", "--quiet", "-m", "renamed")
    directory = repository.path / "shop"
    planned = load_scenario(directory / "renamed.toml")
    store = BaselineStore.at(repository.path / "none")
    with ExitStack() as keep:
        reference = find_reference(
            Builder(),
            planned,
            store,
            directory,
            discard,
            ref="main",
            file="renamed.toml",
            keep=keep,
            built=built_by(Builder()),
        )
        assert reference.arm is not None
        assert reference.arm.own == planned.service
        assert [note.subject for note in reference.arm.notes] == ["renamed.toml", "./local"]


def test_paths_outside_of_the_repository_stay_what_they_are(repository: Repository) -> None:
    outside = repository.path.parent / "outside"
    outside.mkdir()
    text = SCENARIO.replace('"./conf', '"../../outside:/etc/demo", "./conf')
    text = text.replace("./local:/data", f"{outside}:/data")
    repository.git("checkout", "--quiet", "main")
    repository.commit(text, "shop/socklat.toml")
    with ExitStack() as keep:
        planned, reference = compared(repository, keep)
        assert reference.arm is not None
        mounts = bind_mounts(reference.arm.service.volumes, reference.arm.directory)
        (repository.path / "shop" / "conf" / "demo.ini").write_text("workers = 4")
        found = differences(repository, planned, reference)
    assert [mounts[0], mounts[2]] == [f"{outside}:/etc/demo:rw", f"{outside}:/data:rw"]
    assert [one.name for one in found.found if one.kind == "file"] == ["shop/conf/demo.ini"]
    texts = sorted(map(note_text, found.not_known))
    assert texts[0].startswith("../../outside is not in the commit")
    assert texts[1].startswith(f"{outside} is given to both arms as it is")


def stack(directory: Path, **api: Any) -> dict[str, Any]:
    """A compose file as compose understands it in a directory."""
    return {
        "name": directory.name,
        "services": {
            "api": {
                "build": {"context": str(directory / "app")},
                "environment": {"A": "1"},
                "volumes": [
                    {"type": "bind", "source": str(directory / "conf"), "target": "/etc/demo"}
                ],
                **api,
            },
            "db": {"image": "postgres:16"},
        },
        "networks": {"default": {"name": f"{directory.name}_default"}},
    }


def test_stacks_are_compared_key_by_key_wherever_they_lie(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = SCENARIO.replace('build = "app"', 'compose = "compose.yml"\nservice = "api"')
    text = text.replace('volumes = ["./conf:/etc/demo:ro", "./local:/data"]\n', "")
    repository.git("checkout", "--quiet", "main")
    repository.commit("services: {}", "shop/compose.yml")
    repository.commit(text, "shop/socklat.toml")
    repository.git("checkout", "--quiet", "-B", "topic")
    here = repository.path / "shop"
    changed: dict[str, Any] = {}

    def read(files: Sequence[Path], project: str, trees: Trees | None) -> StackReading:
        place = files[0].parent
        read_here = place == here
        assert trees == (None if read_here else Trees(place.parent, repository.path))
        # Files may refer to the project's name, which another directory would change.
        assert project == ("" if read_here else "shop")
        made = stack(place, **(changed if read_here else {}))
        if read_here and changed:
            made["services"]["cache"] = {"image": "redis:7"}
            made["services"]["db"] = {"image": "postgres:17"}
            made["volumes"] = {"data": {"external": True, "name": "data"}}
            made["networks"]["proxy"] = {"external": True, "name": "proxy"}
            made["services"]["cache"]["extra_hosts"] = ["host.docker.internal:host-gateway"]
        return StackReading(made, ("TAG",) if read_here else ("TAG", "OLD"))

    monkeypatch.setattr("socklat_gate.service.stack_reading.read_stack", read)
    monkeypatch.setattr(
        "socklat_gate.job.images.stack_image",
        lambda *_args, **_options: ImageRef("demo:1", "sha256:1", ""),
    )
    with ExitStack() as keep:
        planned, reference = compared(repository, keep)
        assert [one.kind for one in differences(repository, planned, reference).found] == ["image"]
        (here / "conf" / "demo.ini").write_text("workers = 4")
        changed.update(environment={"A": "secret"}, cpus=2, build={"context": "elsewhere"})
        found = differences(repository, planned, reference)
    assert [one.name for one in found.found if one.kind == "compose"] == [
        "services.api.cpus",
        "services.api.environment",
        "services.cache",
        "services.db.image",
        "networks.proxy",
        "volumes.data",
    ]
    assert [one.name for one in found.found if one.kind == "file"] == ["shop/conf/demo.ini"]
    assert "secret" not in str(found)
    read = reader_of(ArmDifferences, "")(Field(encode(found, "")))
    assert read == found  # as results keep it
    said = {note.subject: note_text(note) for note in found.not_known}
    assert {"volumes.data", "networks.proxy", "services.cache.extra_hosts", "TAG", "OLD"} <= set(
        said
    )
    assert "what one arm writes" not in said["volumes.data"]
    assert "a network of its own" in said["networks.proxy"]
    assert "which nothing sets" in said["OLD"]


def test_an_override_that_git_does_not_have_is_lent(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the candidate alone would be what it makes of the stack."""
    text = SCENARIO.replace('build = "app"', 'compose = "compose.yaml"\nservice = "api"')
    repository.git("checkout", "--quiet", "main")
    repository.commit("services: {}", "shop/compose.yaml")
    repository.commit(
        text.replace('volumes = ["./conf:/etc/demo:ro", "./local:/data"]\n', ""),
        "shop/socklat.toml",
    )
    repository.git("checkout", "--quiet", "-B", "topic")
    override = repository.path / "shop" / "compose.override.yaml"
    override.write_text("services: {api: {cpus: 1}}")
    read: list[str] = []

    def image(
        _client: object, files: Sequence[Path], *_args: object, **_options: object
    ) -> ImageRef:
        read.extend(file.name for file in files)
        return ImageRef("demo:1", "sha256:1", "")

    monkeypatch.setattr("socklat_gate.job.images.stack_image", image)
    with ExitStack() as keep:
        _, reference = compared(repository, keep)
        assert reference.arm is not None
        assert [note.subject for note in reference.arm.notes] == ["compose.override.yaml"]
    assert read == ["compose.yaml", "compose.override.yaml"]
    # One that is new in a commit is a change to be judged.
    repository.commit("services: {api: {cpus: 2}}", "shop/compose.override.yaml")
    with ExitStack() as keep:
        _, reference = compared(repository, keep)
        assert reference.arm is not None
        assert reference.arm.notes == ()
    assert read[2:] == ["compose.yaml"]


@pytest.mark.parametrize(
    ("theirs", "ours", "whose"),
    [
        ((), (), []),
        (("CMD", "a"), ("CMD", "a"), [""]),
        ((), ("CMD", "a"), ["candidate"]),
        (("CMD", "a"), (), ["baseline"]),
        (("CMD", "a"), ("CMD", "b"), ["both"]),
    ],
)
def test_health_checks_that_nobody_runs_are_noted(
    repository: Repository, theirs: tuple[str, ...], ours: tuple[str, ...], whose: list[str]
) -> None:
    directory = repository.path / "shop"
    planned = load_scenario(directory / "socklat.toml")
    images = ImageRef("demo:1", "sha256:1", "", check=theirs), replace(CANDIDATE, check=ours)
    notes = arm_differences(planned, directory, *images, None).not_known
    assert [one.subject for one in notes if one.code is NoteCode.CHECKS_NOT_RUN] == whose
