from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.service.compose_files import compose_setting, stack_files


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR"):
        monkeypatch.delenv(name, raising=False)


def made(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text("services: {}\n")
    return directory


def names(files: tuple[Path, ...], directory: Path) -> list[str]:
    return [str(file.relative_to(directory)) for file in files]


def test_an_override_is_merged_as_compose_does(tmp_path: Path) -> None:
    made(tmp_path, "docker-compose.yml", "docker-compose.override.yml", "other.yml")
    expected = ["docker-compose.yml", "docker-compose.override.yml"]
    assert names(stack_files("docker-compose.yml", tmp_path), tmp_path) == expected
    # What compose does not find by itself is given by name, and then has no override.
    assert names(stack_files("other.yml", tmp_path), tmp_path) == ["other.yml"]


def test_a_list_is_all_there_is(tmp_path: Path) -> None:
    made(tmp_path, "docker-compose.yml", "docker-compose.override.yml", "a/gate.yml")
    assert names(stack_files(["docker-compose.yml"], tmp_path), tmp_path) == ["docker-compose.yml"]
    given = ["docker-compose.yml", "a/gate.yml"]
    assert names(stack_files(given, tmp_path), tmp_path) == given


def test_a_file_that_compose_would_pass_over_has_no_override(tmp_path: Path) -> None:
    made(tmp_path, "compose.yaml", "docker-compose.yml", "compose.override.yml")
    assert names(stack_files("docker-compose.yml", tmp_path), tmp_path) == ["docker-compose.yml"]
    found = stack_files("compose.yaml", tmp_path)
    assert names(found, tmp_path) == ["compose.yaml", "compose.override.yml"]


def test_two_overrides_are_refused_as_compose_does(tmp_path: Path) -> None:
    made(tmp_path, "compose.yaml", "compose.override.yml", "docker-compose.override.yml")
    with pytest.raises(UsageError, match="2 overrides"):
        stack_files("compose.yaml", tmp_path)


def test_compose_file_lists_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "compose.yaml", "compose.override.yml", "a.yml", "b.yml")
    monkeypatch.setenv("COMPOSE_FILE", "compose.yaml:b.yml")
    assert names(stack_files("compose.yaml", tmp_path), tmp_path) == ["compose.yaml", "b.yml"]
    # A file that it does not have is meant as it stands.
    assert names(stack_files("a.yml", tmp_path), tmp_path) == ["a.yml"]
    monkeypatch.delenv("COMPOSE_FILE")
    (tmp_path / ".env").write_text(
        "# x\nexport COMPOSE_FILE='a.yml;b.yml'\nCOMPOSE_PATH_SEPARATOR=; # y\n"
    )
    assert names(stack_files("a.yml", tmp_path), tmp_path) == ["a.yml", "b.yml"]


def test_compose_file_is_read_where_compose_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "deploy/a.yml", "deploy/b.yml")
    for listed in ("deploy/a.yml:deploy/b.yml", "a.yml:b.yml"):
        monkeypatch.setenv("COMPOSE_FILE", listed)
        found = stack_files("deploy/a.yml", tmp_path)
        assert names(found, tmp_path) == ["deploy/a.yml", "deploy/b.yml"]


def test_absolute_names_stand_for_those_of_the_other_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = made(tmp_path / "here", "a.yml", "b.yml"), made(tmp_path / "there", "a.yml")
    made(tmp_path, "everywhere.yml")
    files = [here / "a.yml", here / "b.yml", tmp_path / "everywhere.yml"]
    monkeypatch.setenv("COMPOSE_FILE", ":".join(map(str, files)))
    assert stack_files("a.yml", there, here) == (there / "a.yml", there / "b.yml", files[2])
    assert stack_files("a.yml", here) == tuple(files)


def test_settings_of_this_process_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compose_setting("COMPOSE_PROFILES", tmp_path) == ""
    (tmp_path / ".env").write_text('COMPOSE_PROFILES = "debug"\n')
    assert compose_setting("COMPOSE_PROFILES", tmp_path) == "debug"
    monkeypatch.setenv("COMPOSE_PROFILES", "")
    assert compose_setting("COMPOSE_PROFILES", tmp_path) == ""
