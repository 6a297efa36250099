"""docs/reference is what the code says today, and nothing is missing in it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from socklat_gate.errors import Exit, Reason
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS
from socklat_gate.scenario import Scenario, Stage
from socklat_gate.wording.reason_codes import REASON_TEXTS
from socklat_gate.wording.stage_texts import STAGE_TEXTS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "ci" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = _reference()
PAGES = REFERENCE.pages()
SCHEMA = Scenario.model_json_schema()
DEFINED = {"Scenario": SCHEMA, **SCHEMA["$defs"]}
FIELDS = [(table, name) for table in ("", *REFERENCE.TABLES) for name in REFERENCE.fields_of(table)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_is_generated_today(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path], "run .venv/bin/python ci/reference.py"


@pytest.mark.parametrize("model", DEFINED)
def test_every_key_has_a_description(model: str) -> None:
    fields: dict[str, Any] = DEFINED[model]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_every_model_is_on_the_page() -> None:
    inline = REFERENCE.REFERRED  # values, which the page describes once
    assert len(DEFINED) == 1 + len(REFERENCE.TABLES) + len(inline)


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_the_example_of_a_key_is_valid(table: str, name: str) -> None:
    found = REFERENCE.example_of(REFERENCE.fields_of(table)[name])
    value: Any = tomllib.loads(f"key = {REFERENCE.toml(found)}")["key"]
    document: dict[str, Any] = {name: value}
    for part in reversed(table.split(".") if table else []):
        array = part in {"metrics", "waiver", "request", "setup"}
        document = {part: [document] if array else document}
    wanted = (*table.split("."), name) if table else (name,)
    try:
        TypeAdapter(Scenario).validate_python(document)
    except ValidationError as error:
        wrong = [tuple(one for one in problem["loc"] if one != 0) for problem in error.errors()]
        assert wanted not in wrong


def test_every_reason_code_has_a_cause_and_a_remedy_once() -> None:
    listed = [code for codes in REASON_TEXTS.values() for code in codes]
    assert sorted(listed) == sorted(Reason)
    assert all(
        one.cause and one.remedy for codes in REASON_TEXTS.values() for one in codes.values()
    )


def test_every_stage_is_described_with_the_events_that_it_needs() -> None:
    assert STAGE_TEXTS.keys() == set(get_args(Stage))
    events = {event.name for event in EVENTS}
    for stage, text in STAGE_TEXTS.items():
        assert set(STAGE_NEEDS.get(stage, ())) <= set(text.events) <= events, stage


def test_the_page_of_exit_codes_names_them_all() -> None:
    text = (ROOT / "docs" / "reference" / "exit-codes.md").read_text("utf-8")
    for code in Exit:
        assert f"| {int(code)} |" in text, code
