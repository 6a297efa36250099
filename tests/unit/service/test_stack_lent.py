"""What compose reads for a stack of another commit, and git does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.service.stack_lent import lend_files


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """The checkout, and the working directory."""
    there, here = tmp_path / "there", tmp_path / "here"
    for place in (there, here):
        (place / "conf").mkdir(parents=True)
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


def written(files: dict[str, str], *places: Path) -> None:
    for place in places:
        for name, text in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)


def test_what_is_included_and_extended_has_its_own_settings(places: tuple[Path, Path]) -> None:
    """Else the included stack would come up with its defaults, in the baseline alone."""
    there, here = places
    including = """
include:
  - db/compose.yaml
  - { path: [cache/a.yaml, cache/b.yaml], project_directory: mem, env_file: cache.env }
  - local.yaml
services: { api: { extends: { file: ../base/web.yaml, service: web } } }
"""
    kept = {
        ".git": "",
        "shop/compose.yaml": including,
        "shop/db/compose.yaml": "services: { db: { env_file: own.env } }",
        "shop/cache/a.yaml": "services: { cache: { image: x } }",
        "shop/cache/b.yaml": "services: { cache: { label_file: labels } }",
        "base/web.yaml": "services: { web: { env_file: [{ path: web.env }] } }",
    }
    written(kept, there, here)
    ours = ("shop/db/.env", "shop/db/own.env", "shop/cache.env", "shop/mem/labels", "base/web.env")
    written(dict.fromkeys((*ours, "shop/mem/.env", "outside"), "A=1"), here)
    written({"shop/local.yaml": "services: { own: { env_file: more.env } }"}, here)
    written({"shop/more.env": "A=1"}, here)
    lent = lend_files([there / "shop" / "compose.yaml"], here / "shop")
    expected = {name.removeprefix("shop/") for name in ours} - {"base/web.env"}
    assert {*lent} == {*expected, "../base/web.env", "local.yaml", "more.env"}
    assert (there / "shop" / "db" / ".env").read_text() == "A=1"


def test_files_that_include_one_another_come_to_an_end(places: tuple[Path, Path]) -> None:
    there, here = places
    written({"a.yaml": "include: [b.yaml]", "b.yaml": "include: [a.yaml, 1, {path: }]"}, *places)
    assert lend_files([there / "a.yaml"], here) == ()
