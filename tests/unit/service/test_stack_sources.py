"""Files outside of the checkout that compose would read, found whatever the text looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.service import stack_sources
from socklat_gate.service.stack_sources import asked_by_sources

KEY = "/root/.aws/credentials"


def asked(directory: Path, text: str | bytes, *others: str) -> list[str]:
    """What is asked for, by key; ``others`` are further files of the stack."""
    file = directory / "compose.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = asked_by_sources([file, *(directory / name for name in others)], directory)
    return [f"{'.'.join(one.where)} {one.what}" for one in found]


@pytest.mark.parametrize(
    "text",
    [
        f"services: {{api: {{env_file: {KEY}}}}}",
        # compose has tags of its own, which no YAML library knows.
        f"services: {{api: {{env_file: {KEY}, ports: !reset []}}}}",
        f"services: {{api: !override {{env_file: {KEY}}}}}",
        f"services: {{api: {{env_file: !override [{KEY}]}}}}",
        # It takes several documents in one file, and no text for a date.
        f"name: shop\n---\nservices: {{api: {{env_file: {KEY}}}}}",
        f"x: 2001-99-99\nservices: {{api: {{env_file: {KEY}}}}}",
        f"x: &a {{env_file: {KEY}}}\nservices: {{api: {{<<: *a}}}}",
    ],
)
def test_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert asked(tmp_path, text) == [f"services.api.env_file reads {KEY}"]


def test_what_a_variable_chooses_may_be_anywhere(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLACE=/root/.aws\n")
    text = 'services: {api: {env_file: ["${PLACE}/credentials", "a$$b.env"]}}'
    assert asked(tmp_path, text) == [
        "services.api.env_file reads ${PLACE}/credentials, which a variable chooses"
    ]


@pytest.mark.parametrize(
    "name", ["https://example.org/shop.git", "example.org/shop", "${HOME}/a", "x" * 300]
)
def test_what_is_fetched_is_not_of_the_checkout(tmp_path: Path, name: str) -> None:
    (found,) = asked(tmp_path, f'include: ["{name}"]')
    assert found.startswith(f"include reads {name}")
    (found,) = asked(tmp_path, f'services: {{api: {{extends: {{file: "{name}"}}}}}}')
    assert found.startswith(f"services.api.extends reads {name}")


def test_links_in_place_of_the_files_themselves(tmp_path: Path) -> None:
    for name in (".env", "compose.override.yaml"):
        (tmp_path / name).symlink_to("/etc/hostname")
    assert asked(tmp_path, "services: {}", "compose.override.yaml") == [
        f"service.compose reads {tmp_path}/compose.override.yaml",
        f".env reads {tmp_path}/.env",
    ]


def test_settings_beside_what_is_included(tmp_path: Path) -> None:
    for name in ("sub", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".env").symlink_to("/etc/hostname")
    (tmp_path / "sub" / "more.yaml").write_text("services: {}")
    text = "include: [{path: sub/more.yaml, project_directory: other}]"
    assert asked(tmp_path, text) == [
        "include.project_directory reads other/.env",
        f".env reads {tmp_path}/sub/.env",
    ]


@pytest.mark.parametrize("text", [b"a: [", b"\xff\xfe", b"a: !!python/name:os.system x"])
def test_what_cannot_be_looked_through_is_not_let_through(tmp_path: Path, text: bytes) -> None:
    (found,) = asked(tmp_path, text)
    assert found.startswith("compose.yaml cannot be looked through: ")


def test_more_than_is_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_sources, "MOST_BYTES", 10)
    assert asked(tmp_path, "services: {}") == [
        "compose.yaml cannot be looked through: it has more than 10 bytes"
    ]
    monkeypatch.undo()
    monkeypatch.setattr(stack_sources, "MOST_FILES", 1)
    (tmp_path / "b.yaml").write_text("{}")
    assert asked(tmp_path, "include: [b.yaml]") == ["include reads more than 1 files"]


def test_a_stack_of_the_checkout_alone_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("services: {db: {env_file: db.env}}")
    (tmp_path / ".env").write_text("A=b")
    text = "include: [more.yaml]\nservices: {api: {env_file: [{path: a.env, required: false}]}}"
    assert asked(tmp_path, text) == []
