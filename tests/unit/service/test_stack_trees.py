"""Absolute paths of a stack of another commit: they are that commit's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.service import compose
from socklat_gate.service.compose import _Command, read_stack
from socklat_gate.service.stack_trees import Trees


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    there, here = tmp_path / "checkout", tmp_path / "shop"
    for top in (there, here):
        (top / "gate" / "conf").mkdir(parents=True)
        (top / ".git").touch()
    return Trees.around(there / "gate", here / "gate")


def test_the_tops_are_those_of_git_or_the_directories_themselves(trees: Trees) -> None:
    assert (trees.there.name, trees.here.name) == ("checkout", "shop")
    for top in (trees.there, trees.here):
        (top / ".git").unlink()
    alone = Trees.around(trees.there / "gate", trees.here / "gate")
    assert alone == Trees(trees.there / "gate", trees.here / "gate")


def test_which_paths_are_moved(trees: Trees, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(trees.here)
    for named in (trees.here, tmp_path / "link"):
        assert trees.moved(f"{named}/gate/../gate/conf") == f"{trees.there}/gate/conf"
    for other in ("gate/conf", "", "/etc/localtime", f"{trees.here}/../other", f"{trees.there}/x"):
        assert trees.moved(other) == other


def test_variables_that_are_a_path_there(trees: Trees) -> None:
    given = {"PWD": str(trees.here), "PATH": f"{trees.here}/bin:/usr/bin", "LEVEL": "info"}
    assert trees.variables(given) == {**given, "PWD": str(trees.there)}


def test_every_path_of_a_stack(trees: Trees) -> None:
    here, there = trees.here, trees.there

    def stack(top: Path) -> dict[str, Any]:
        return {
            "services": {
                "api": {
                    "image": "a",
                    "volumes": [
                        {"type": "bind", "source": f"{top}/conf", "target": f"{here}/conf"},
                        f"{top}/a$$b:/x:ro",
                        f"{here}",
                        f"data:{here}",
                        {"type": "volume", "source": "data", "target": "/y"},
                    ],
                    "build": {
                        "context": str(top),
                        "dockerfile": f"{top}/docker/Dockerfile",
                        "additional_contexts": {"lib": f"{top}/lib", "base": "docker-image://a"},
                    },
                    "working_dir": str(here),
                },
                "db": {"build": f"{top}/db"},
                "none": {"image": "n", "volumes": None},
            },
            "secrets": {"key": {"file": f"{top}/key"}, "env": {"environment": "KEY"}},
            "configs": None,
            "volumes": {"data": {"driver_opts": {"o": "bind", "device": f"{top}/data"}}, "x": None},
        }

    assert trees.document(stack(here)) == stack(there)


def test_compose_is_told_of_the_checkout(
    trees: Trees, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``${PWD}/conf``: else the baseline would mount the candidate's files."""
    tool = tmp_path / "compose"
    tool.write_text(
        '#!/bin/sh\necho "services: {a: {volumes: [\\"$WORKSPACE/conf:/conf:ro\\"]}}"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setattr(compose, "_command", lambda: _Command((str(tool),), 2))
    monkeypatch.setenv("WORKSPACE", str(trees.here))
    file = trees.there / "gate" / "compose.yaml"
    file.touch()
    for given, top in ((trees, trees.there), (None, trees.here)):
        volumes = read_stack([file], "", given).document["services"]["a"]["volumes"]
        assert volumes == [f"{top}/conf:/conf:ro"]
