from __future__ import annotations

import json

import pytest

from socklat_gate.init.scrub.bodies import (
    MAX_DEPTH,
    MAX_NODES,
    filler_body,
    form_body,
    form_fields,
    json_body,
    shape_of,
)


def test_a_body_keeps_its_shape_and_lengths() -> None:
    given = {
        "name": "Alice Smith",
        "age": 42,
        "active": True,
        "note": None,
        "price": 12.5,
        "tags": ["red", "blue"],
        "nested": {"iban": "GB82WEST12345698765432", "count": -7},
    }
    found = json_body(json.dumps(given))
    assert found is not None
    changed = json.loads(found)
    assert list(changed) == list(given)
    assert changed == {
        "name": "placeholder",
        "age": 12,
        "active": True,
        "note": None,
        "price": 12.3,
        "tags": ["pla", "plac"],
        "nested": {"iban": "placeholder-placeholde", "count": -1},
    }
    assert len(found) == len(json.dumps(given, separators=(",", ":")))


def test_keys_that_are_data_are_numbered() -> None:
    assert json.loads(json_body('{"frank@example.org": 1, "id": 2}') or "") == {"key1": 1, "id": 1}


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[" * 100_000, "[" * 40 + "]" * 40, json.dumps([1] * (MAX_NODES + 1))],
    ids=["empty", "text", "bomb", "deep", "wide"],
)
def test_what_is_no_json_or_too_much_has_no_body(text: str) -> None:
    assert json_body(text) is None


def test_depth_counts_levels() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert shape_of(value)
    with pytest.raises(ValueError, match="too many levels"):
        shape_of([value])


def test_a_form_keeps_its_keys() -> None:
    fields = form_fields("user=frank&password=secret&page=2&x=true")
    assert form_body(fields) == "user=place&password=placeh&page=1&x=true"


@pytest.mark.parametrize("size", [0, 2, 18, 19, 500, 10**9])
def test_a_filler_is_json_of_the_size(size: int) -> None:
    text = filler_body(size)
    json.loads(text)
    assert len(text) == (2 if size < 18 else min(size, 65_536))
