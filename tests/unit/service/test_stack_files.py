"""What a checkout of another commit lacks, since git does not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.service.stack_files import lend_files, missing_files, with_missing_files


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """The checkout, and the working directory."""
    there, here = tmp_path / "there", tmp_path / "here"
    for place in (there, here):
        (place / "conf").mkdir(parents=True)
    (here / "data").mkdir()
    return there, here


def test_environment_files_are_lent(places: tuple[Path, Path]) -> None:
    there, here = places
    (there / "compose.yml").write_text(
        "services:\n"
        "  a: {env_file: conf/a.env}\n"
        "  b: {env_file: [kept.env, {path: b.env}, ../outside.env, none.env]}\n"
        "  c: {image: x}\n"
    )
    for name in (".env", "conf/a.env", "b.env", "kept.env"):
        (here / name).write_text(f"FROM=here {name}")
    (here.parent / "outside.env").write_text("x")
    (there / "kept.env").write_text("FROM=there")
    files = [there / "compose.yml"]
    assert lend_files(files, here) == (".env", "conf/a.env", "b.env")
    assert (there / "conf" / "a.env").read_text() == "FROM=here conf/a.env"
    assert (there / "kept.env").read_text() == "FROM=there"


@pytest.mark.parametrize("text", ["[", "- a", "services: [a]", "services: {a: b}", ""])
def test_a_file_that_compose_will_refuse_needs_nothing(
    places: tuple[Path, Path], text: str
) -> None:
    there, here = places
    (there / "compose.yml").write_text(text)
    assert lend_files([there / "compose.yml"], here) == ()


def test_mounts_that_are_not_there_come_from_here(places: tuple[Path, Path]) -> None:
    there, here = places

    def bind(source: Path) -> dict[str, Any]:
        return {"type": "bind", "source": str(source), "target": "/x"}

    volumes = [
        bind(there / "conf"),
        bind(there / "data"),
        bind(there / "nowhere"),
        bind(Path("/nowhere")),
        {"type": "volume", "source": "data", "target": "/y"},
        "data:/z",
        f"{there}/data:/short:ro",
        f"{there}/conf:/other",
    ]
    stack = {"services": {"a": {"image": "a", "volumes": volumes}, "b": {"image": "b"}}}
    assert missing_files(stack, there, here) == ("data",)
    made = with_missing_files(stack, there, here)["services"]
    short = f"{here}/data:/short:ro"
    assert made["a"]["volumes"] == [
        volumes[0],
        bind(here / "data"),
        *volumes[2:6],
        short,
        volumes[7],
    ]
    assert made["b"] == {"image": "b"}


def test_other_files_are_lent_where_the_commit_has_none(places: tuple[Path, Path]) -> None:
    there, here = places
    for place in places:
        (place / "compose.yml").write_text("services: {}")
    (here / "compose.override.yml").write_text("services: {a: {}}")
    files = [there / "compose.yml"]
    assert lend_files(files, here, ["compose.yml", "compose.override.yml"]) == (
        "compose.override.yml",
    )
    assert (there / "compose.override.yml").read_text() == "services: {a: {}}"


def test_secrets_that_are_not_there_come_from_here(places: tuple[Path, Path]) -> None:
    there, here = places
    (here / "password").write_text("x")
    (there / "kept").write_text("x")
    secrets = {
        "a": {"file": str(there / "password")},
        "b": {"file": str(there / "kept")},
        "c": {"external": True},
        "d": {"file": str(there / "nowhere")},
    }
    stack = {"services": {}, "secrets": secrets, "configs": None}
    assert missing_files(stack, there, here) == ("password",)
    made = with_missing_files(stack, there, here)
    assert made["secrets"] == {**secrets, "a": {"file": str(here / "password")}}
