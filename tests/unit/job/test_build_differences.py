from __future__ import annotations

from pathlib import Path
from typing import Any

from socklat_gate.job.arm_differences import arm_differences, stored_differences
from socklat_gate.job.build_differences import build_differences, built_at
from socklat_gate.measured.arm_differences import ArmDifference, ArmDifferences
from socklat_gate.scenario.build import Build
from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.image import ImageRef
from tests.unit.job.test_reference import buildable
from tests.unit.repositories import Repository, new_repository

KEPT = ImageRef(f"{REPOSITORY}:{'0' * 16}", "sha256:1", "")
CANDIDATE = ImageRef(f"{REPOSITORY}:{'0' * 16}", "sha256:2", "")


def how(**keys: Any) -> Build:
    return Build(**{"context": ".", **keys})


def test_each_key_that_differs() -> None:
    there = how(args={"A": "1", "OPT": "0", "GONE": ""}, secrets={"npm": {"env": "NPM"}})
    here = how(
        dockerfile="fast.Dockerfile",
        target="bench",
        platform="linux/arm64",
        args={"A": "1", "OPT": "canary", "NEW": ""},
        secrets={"npm": {"env": "OTHER"}},
    )
    assert list(build_differences(there, here)) == [
        ArmDifference("build", "dockerfile", "Dockerfile", "fast.Dockerfile"),
        ArmDifference("build", "target", "absent", "bench"),
        ArmDifference("build", "platform", "absent", "linux/arm64"),
        ArmDifference("build", "args.GONE", "", "absent"),
        ArmDifference("build", "args.NEW", "absent", ""),
        ArmDifference("build", "args.OPT"),
        ArmDifference("build", "secrets.npm"),
    ]
    assert "canary" not in str(list(build_differences(there, here)))
    assert list(build_differences(here, here)) == []
    assert list(build_differences(None, here)) == []


TOML = """
name = "shop"
[service]
port = 80
{build}
[load]
driver = "http"
"""


def repository_with(path: Path, build: str) -> Repository:
    made = new_repository(path)
    made.commit(TOML.format(build=build), "shop/socklat.toml")
    return made


def test_how_a_commit_built_it(tmp_path: Path) -> None:
    made = repository_with(tmp_path / "repository", 'build = { context = "app", target = "prod" }')
    file, commit = made.path / "shop" / "socklat.toml", made.git("rev-parse", "HEAD")
    file.write_text("name =")
    assert built_at(file, commit) == Build(context="app", target="prod")
    made.commit("no TOML", "shop/socklat.toml")
    assert built_at(file, made.git("rev-parse", "HEAD")) is None
    for unknown in ("", "unknown", "f" * 40, f"{commit}-dirty"):
        assert built_at(file, unknown) is None


def compared(repository: Repository, baseline: ImageRef, candidate: ImageRef) -> ArmDifferences:
    planned = buildable({"context": "app", "target": "bench", "args": {"OPT": "3"}})
    commit = repository.git("rev-parse", "HEAD")
    return arm_differences(
        planned, repository.path / "shop", baseline, candidate, None, commit=commit
    )


def test_a_kept_image_that_was_built_otherwise_is_told(tmp_path: Path) -> None:
    made = repository_with(tmp_path / "repository", 'build = "app"')
    found = compared(made, KEPT, CANDIDATE)
    assert [(one.kind, one.name) for one in found.found] == [
        ("image", ""),
        ("build", "target"),
        ("build", "args.OPT"),
    ]
    # Beside numbers alone as well: nothing else tells of it then.
    alone = stored_differences(
        buildable({"context": "app", "target": "bench"}),
        made.path / "shop" / "socklat.toml",
        made.git("rev-parse", "HEAD"),
        CANDIDATE,
    )
    assert alone is not None
    assert alone.found == (ArmDifference("build", "target", "absent", "bench"),)
    # One image is one image, however it was built.
    assert not found.beside_image
    # An image that the command line names was built by nobody knows what.
    named = compared(made, KEPT, ImageRef("app:2", "sha256:3", ""))
    assert [one.kind for one in named.found] == ["image"]
