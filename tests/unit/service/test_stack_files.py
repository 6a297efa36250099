"""What a checkout of another commit lacks, since git does not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.service.stack_files import missing_files, with_missing_files
from socklat_gate.service.stack_trees import Trees


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """The checkout, and the working directory."""
    there, here = tmp_path / "there", tmp_path / "here"
    for place in (there, here):
        (place / "conf").mkdir(parents=True)
    (here / "data").mkdir()
    return there, here


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
    assert missing_files(stack, Trees(there, here), there) == ("data",)
    made = with_missing_files(stack, Trees(there, here))["services"]
    short = f"{here}/data:/short:ro"
    assert made["a"]["volumes"] == [
        volumes[0],
        bind(here / "data"),
        *volumes[2:6],
        short,
        volumes[7],
    ]
    assert made["b"] == {"image": "b"}


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
    assert missing_files(stack, Trees(there, here), there) == ("password",)
    made = with_missing_files(stack, Trees(there, here))
    assert made["secrets"] == {**secrets, "a": {"file": str(here / "password")}}


def test_a_volume_that_is_a_directory_and_one_beside_the_stack(places: tuple[Path, Path]) -> None:
    there, here = places
    (there / "shop").mkdir()
    options = {"type": "none", "o": "bind", "device": str(there / "data")}
    stack = {"services": {"a": {}}, "volumes": {"data": {"driver_opts": options}, "own": None}}
    trees = Trees(there, here)
    assert missing_files(stack, trees, there / "shop") == ("../data",)
    made = with_missing_files(stack, trees)
    assert made["volumes"]["data"]["driver_opts"]["device"] == str(here / "data")
