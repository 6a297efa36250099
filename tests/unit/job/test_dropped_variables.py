"""What sudo has dropped is named, where it changes what is started."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from socklat_gate.job import dropped_variables as module
from socklat_gate.job.dropped_variables import dropped_variables
from socklat_gate.job.require_inputs import require_inputs
from socklat_gate.scenario.loader import load_scenario

SCENARIO = """
name = "shop"
[service]
compose = "compose.yml"
service = "api"
port = 80
[load]
driver = "http"
"""
COMPOSE = """
services:
  api: {image: "api:${TAG:-latest}", environment: [DB_PASSWORD, LEVEL, GITHUB_TOKEN]}
"""
BY_SUDO = {"SUDO_UID": "1000", "LEVEL": "info"}
AROUND = {
    **BY_SUDO,
    "TAG": "1.4",
    "DB_PASSWORD": "canary",
    "GITHUB_TOKEN": "ghs",
    "EMPTY": "",
    "COMPOSE_PROFILES": "debug",
    "DOCKER_HOST": "unix:///run/x.sock",
    "EDITOR": "vi",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "socklat.toml").write_text(SCENARIO)
    (tmp_path / "compose.yml").write_text(COMPOSE)
    return tmp_path / "socklat.toml"


def test_what_files_name_and_what_docker_goes_by(path: Path) -> None:
    scenario = load_scenario(path)
    wanted = ("COMPOSE_PROFILES", "DB_PASSWORD", "DOCKER_HOST", "TAG")
    assert dropped_variables(path, scenario, BY_SUDO, AROUND) == wanted
    assert dropped_variables(path, scenario, {"LEVEL": "info"}, AROUND) == ()
    assert dropped_variables(path, scenario, AROUND, AROUND) == ()


def test_an_image_alone_has_no_stack(tmp_path: Path) -> None:
    path = tmp_path / "socklat.toml"
    path.write_text(
        SCENARIO.replace('compose = "compose.yml"\nservice = "api"', 'image = "shop:${TAG}"')
    )
    assert dropped_variables(path, load_scenario(path), BY_SUDO, AROUND) == ("DOCKER_HOST", "TAG")


def test_it_is_said_before_anything_is_started(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "variables_around", lambda: AROUND)
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("LEVEL", "info")
    for name in ("DB_PASSWORD", "TAG", "DOCKER_HOST", "COMPOSE_PROFILES"):
        monkeypatch.delenv(name, raising=False)
    with caplog.at_level(logging.WARNING):
        require_inputs(path, load_scenario(path))
    assert "sudo --preserve-env=COMPOSE_PROFILES,DB_PASSWORD,DOCKER_HOST,TAG" in caplog.text
    assert "canary" not in caplog.text
