"""The committed examples and schemas are what this version writes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from socklat_gate.commands.schema import SCHEMAS
from socklat_gate.report.formats.registry import FORMATS
from tests.benchmarks.examples import DOCS, FILES, RESULT, results, wanted

FOUND = list(wanted())


@pytest.mark.parametrize(
    ("path", "text"), FOUND, ids=[path.relative_to(DOCS).as_posix() for path, _ in FOUND]
)
def test_the_committed_file_is_what_is_written_today(path: Path, text: str) -> None:
    assert path.read_text("utf-8") == text, "run ci/bench examples"


def test_there_is_an_example_of_every_format_and_a_schema_of_every_file() -> None:
    assert FILES.keys() == FORMATS.keys()
    named = {path.name for path in (DOCS / "schema").iterdir()}
    assert named == {f"{name}.schema.json" for name in SCHEMAS}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (name, result.with_name(file))
        for result in results()
        for name, file in (("verdict", FILES["json"].name), ("result", RESULT.name))
    ],
)
def test_the_examples_follow_the_published_schemas(name: str, path: Path) -> None:
    schema = json.loads((DOCS / "schema" / f"{name}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(
        json.loads(path.read_text("utf-8"))
    )
    # A whole error shows the whole document.
    assert [(error.json_path, error.message[:200]) for error in errors] == []


def test_the_formats_are_described_and_their_names_are_right() -> None:
    text = (DOCS / "reference" / "formats.md").read_text("utf-8")
    for path in (*FILES.values(), RESULT):
        assert path.relative_to(DOCS).as_posix() in text
    metrics = FILES["openmetrics"].read_text("utf-8").splitlines()
    for line in metrics:
        if line.startswith("# TYPE"):
            assert f"`{line.split()[2]}`" in text, line
