"""Which variables a scenario and its compose files name, whatever else is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.scenario.variables import named_variables

SCENARIO = """
name = "shop"
[service]
compose = "deploy/compose.yml"
service = "api"
port = 80
env = { DB_PASSWORD = { env = "CI_PASSWORD" } }
[load.command]
argv = ["sh", "-c", "myload $TARGET_RATE"]
[load.headers]
authorization = { env = "API_TOKEN", prefix = "Bearer " }
"""
COMPOSE = """
include: [base/queue.yml]
services:
  api:
    image: "api:${TAG}"
    extends: { file: common.yml, service: common }
    env_file: [api.env, { path: more.env }]
    environment:
      - PASSED_ON
      - LEVEL=${LEVEL:-info}
      - PRICE=$$NOT_ONE
      # ${COMMENT}
    build: { context: ., args: [HTTP_ARG] }
  db:
    environment: { DB_PASSWORD: "$DB_PASSWORD", EMPTY: }
secrets:
  cert: { environment: CERT }
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "deploy" / "base").mkdir(parents=True)
    (tmp_path / "socklat.toml").write_text(SCENARIO)
    (tmp_path / "deploy" / "compose.yml").write_text(COMPOSE)
    return tmp_path / "socklat.toml"


def names(scenario: Path, *, needed: bool = False, **environment: str) -> list[str]:
    found = named_variables(scenario, environment)
    return [one.name for one in found if one.needed or not needed]


def test_each_way_of_naming_one(here: Path) -> None:
    assert names(here) == [
        "API_TOKEN",
        "CERT",
        "CI_PASSWORD",
        "DB_PASSWORD",
        "EMPTY",
        "HTTP_ARG",
        "LEVEL",
        "PASSED_ON",
        "TAG",
        "TARGET_RATE",
    ]


def test_without_which_a_value_would_be_empty(here: Path) -> None:
    assert names(here, needed=True) == ["API_TOKEN", "CERT", "CI_PASSWORD", "DB_PASSWORD", "TAG"]
    (here.parent / "deploy" / ".env").write_text("TAG=1\n# DB_PASSWORD=x\n")
    assert "TAG" not in names(here, needed=True)
    assert "DB_PASSWORD" in names(here, needed=True)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("$A ${B}", ["A", "B"]),
        ("${A:?give A} ${B?give B} ${C}", ["B", "C"]),
        ("${A-none} ${B:-none} ${C:+given} ${D+given}", []),
        ("${A:-${B}} $C", ["C"]),
        ("${A-x${B:-$C}y} ${D}", ["D"]),
        ("${A:-open\n${B}", ["B"]),
        ("$$A $${B} $$$C", ["C"]),
    ],
)
def test_forms_of_interpolation(here: Path, text: str, needed: list[str]) -> None:
    (here.parent / "socklat.toml").write_text('[service]\ncompose = "deploy/compose.yml"\n')
    (here.parent / "deploy" / "compose.yml").write_text(text)
    assert names(here, needed=True) == needed


@pytest.mark.parametrize(
    "file",
    [
        "deploy/base/queue.yml",
        "deploy/common.yml",
        "deploy/api.env",
        "deploy/more.env",
        "deploy/compose.override.yml",
        "deploy/.env",
    ],
)
def test_files_that_a_compose_file_leads_to(here: Path, file: str) -> None:
    (here.parent / file).write_text(
        "x: ${ELSEWHERE}\n" if file.endswith("yml") else "X=$ELSEWHERE\n"
    )
    assert "ELSEWHERE" in names(here)


def test_a_name_alone_in_an_environment_file_is_taken_over_from_here(here: Path) -> None:
    text = "TAKEN\n  export TAKEN_TOO\r\nGIVEN=1\n# COMMENT\nno name\nKEY: value\n"
    (here.parent / "deploy" / "api.env").write_text(text)
    found = set(names(here))
    assert {"TAKEN", "TAKEN_TOO"} <= found
    assert found.isdisjoint({"GIVEN", "COMMENT", "KEY"})
    assert "TAKEN" not in names(here, needed=True)


def test_a_dollar_in_single_quotes_of_an_environment_file_is_one(here: Path) -> None:
    for name in (".env", "api.env"):
        (here.parent / "deploy" / name).write_text("A='5$NOT_ONE'\nB=\"$ONE\"\nC=it's $TWO\n")
    assert {"ONE", "TWO"} <= set(names(here))
    assert "NOT_ONE" not in names(here)
    # In YAML they are quotes of YAML's alone.
    (here.parent / "deploy" / "compose.yml").write_text("services: {api: {image: '$THREE'}}\n")
    assert "THREE" in names(here)


def test_several_files_and_those_of_the_environment(here: Path) -> None:
    text = SCENARIO.replace('"deploy/compose.yml"', '["deploy/compose.yml", "second.yml"]')
    here.write_text(text)
    (here.parent / "second.yml").write_text("a: ${SECOND}")
    (here.parent / "third.yml").write_text("a: ${THIRD}")
    assert {"SECOND", "TAG"} <= set(names(here))
    assert "THIRD" in names(here, COMPOSE_FILE="none.yml:third.yml")
    assert "THIRD" not in names(here)
    (here.parent / "deploy" / ".env").write_text("COMPOSE_FILE='compose.yml:../third.yml'\n")
    assert "THIRD" in names(here)


@pytest.mark.parametrize(
    "text", ["", "name = ", "[service]\ncompose = 7", "\0", '[service]\ncompose = "\0"']
)
def test_a_scenario_that_is_wrong_names_what_it_names(tmp_path: Path, text: str) -> None:
    path = tmp_path / "socklat.toml"
    path.write_text(f"{text}\n# x\n$SEEN")
    assert names(path) == ["SEEN"]
    assert names(tmp_path / "none.toml") == []


@pytest.mark.parametrize(
    "text", ["a: [", "services: 7", "services: {a: 7, b: {environment: 3}}", "- x"]
)
def test_a_compose_file_that_is_wrong(here: Path, text: str) -> None:
    (here.parent / "deploy" / "compose.yml").write_text(f"# \n{text}\n# x\n${{SEEN}}")
    assert "SEEN" in names(here)


def test_files_that_include_each_other(here: Path) -> None:
    (here.parent / "deploy" / "base" / "queue.yml").write_text(
        "include: [../compose.yml]\na: $ROUND"
    )
    assert "ROUND" in names(here)


def test_a_file_that_is_not_of_the_work_tree_names_nothing(tmp_path: Path) -> None:
    """A link of a pull request's must not bring a file's content into warnings."""
    (tmp_path / "passwords").write_text("root:$6$salted$hashed\nX=$WORD\n")
    clone = tmp_path / "clone"
    (clone / ".git").mkdir(parents=True)
    (clone / "deploy").mkdir()
    (clone / "socklat.toml").write_text(SCENARIO)
    (clone / "deploy" / "compose.yml").write_text("services: {api: {env_file: more.env}}\n")
    for name in (".env", "more.env", "compose.override.yml"):
        (clone / "deploy" / name).symlink_to("../../passwords")
    assert {"salted", "hashed", "WORD"}.isdisjoint(names(clone / "socklat.toml"))


def test_composes_own_tags_and_further_documents(here: Path) -> None:
    (here.parent / "deploy" / "compose.yml").write_text(
        "services:\n  api: !override\n    environment: [PASSED]\n    ports: !reset []\n"
        "    deploy: {since: 2001-99-99}\n---\nservices: {db: {environment: {SECOND: }}}\n"
    )
    assert {"PASSED", "SECOND"} <= set(names(here))


def test_a_checkout_without_git_is_all_of_the_jobs_directory(here: Path) -> None:
    text = SCENARIO.replace("deploy/compose.yml", "../deploy/compose.yml")
    (here.parent / "perf").mkdir()
    scenario = here.parent / "perf" / "socklat.toml"
    scenario.write_text(text)
    assert "TAG" not in names(scenario)
    assert "TAG" in names(scenario, GITHUB_WORKSPACE=str(here.parent))
    assert "TAG" not in names(scenario, GITHUB_WORKSPACE=str(here.parent / "deploy"))
