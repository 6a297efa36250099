"""A value in a string of a JSON body is written as JSON has it; anywhere else it is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.load.json_body import in_strings, json_text, said_to_be_json
from socklat_gate.load.messages import MessageSource
from socklat_gate.load.protocols.registry import session_for
from socklat_gate.load.values import Values
from socklat_gate.scenario import Load
from socklat_gate.scenario.template import Field, parts_of

ODD = 'a "b" \\ c\nü\x01/'
JSON = {"Content-Type": "application/json"}


def positions(body: str, *, said: bool | None = None) -> list[bool]:
    """Of each ``{v}`` in the body, whether it is in a string of JSON."""
    parts = parts_of(body, ["v"], strict=False)
    found = in_strings(parts, said=said)
    return [one for one, part in zip(found, parts, strict=True) if isinstance(part, Field)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"a": "{v}", "b": {v}}', [True, False]),
        ('{"a": "x {v} y {v}"}', [True, True]),
        ('{"{v}": [{v}, "{v}"]}', [True, False, True]),
        (r'{"a\"": {v}, "b": "\\", "c": {v}, "d": "\"{v}"}', [False, False, True]),
        (r'["\\{v}", {v}]', [True, False]),
        ('[1{v}, -{v}, {v}.5, "é{v}"]', [False, False, False, True]),
        # No JSON, whatever a value would be.
        ('name="{v}"&b={v}', [False, False]),
        ('{"a": "{v}",}', [False]),
        ('{"a": "{v}"}\n{"a": "{v}"}', [False, False]),
        (r'{"a": "\{v}"}', [False]),
        # Neither an object nor an array: it may be anything.
        ('"{v}"', [False]),
        ("{v}", [False]),
    ],
)
def test_a_place_is_in_a_string_or_it_is_not(body: str, expected: list[bool]) -> None:
    assert positions(body) == expected


def test_what_the_content_type_says_comes_first() -> None:
    assert positions('"{v}"', said=True) == [True]
    assert positions('{"a": "{v}"}', said=False) == [False]
    assert positions("a={v}", said=True) == [False]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, None),
        ({"Accept": "application/json"}, None),
        ({"content-type": "application/json"}, True),
        ({"Content-Type": "Application/JSON; charset=utf-8"}, True),
        ({"CONTENT-TYPE": "application/vnd.shop.v2+json"}, True),
        ({"Content-Type": "text/plain"}, False),
        ({"Content-Type": "application/jsonlines"}, False),
        ({"Content-Type": "application/x-www-form-urlencoded"}, False),
    ],
)
def test_which_content_types_are_json(headers: dict[str, str], said: bool | None) -> None:
    assert said_to_be_json(headers) is said


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_reads_back(value: str) -> None:
    assert json.loads(f'"{json_text(value)}"') == value


def body_of(directory: Path, value: str, **options: Any) -> bytes:
    """That of a request with ``value`` in its column ``c`` and its variable ``v``."""
    (directory / "rows.jsonl").write_text(json.dumps({"c": value}))
    settings = {"driver": "http", "feeder": "rows.jsonl", "variables": {"v": value}, **options}
    load = Load.model_validate(settings, context={"directory": directory})
    source = MessageSource(load, [0], Values(1, load.rows, {"v": value}))
    body = source.message(0).body
    if load.driver == "http":
        head, _, written = session_for(load, source, "h", 80)().request(0).partition(b"\r\n\r\n")
        assert written == body
        assert f"content-length: {len(body)}".encode() in head.lower()
    return body


@pytest.mark.parametrize("options", [{}, {"headers": JSON}])
def test_columns_and_variables_keep_a_body_json(tmp_path: Path, options: dict[str, Any]) -> None:
    body = '{"column": "<{c}>", "variable": "{v}", "seq": {seq}}'
    sent = body_of(tmp_path, ODD, body=body, **options)
    assert json.loads(sent) == {"column": f"<{ODD}>", "variable": ODD, "seq": 0}


def test_a_column_outside_of_a_string_is_put_in_as_it_is(tmp_path: Path) -> None:
    rows = '{"a": [1, "x"]}'
    assert json.loads(body_of(tmp_path, rows, body='{"rows": {c}}')) == {"rows": {"a": [1, "x"]}}


def test_other_bodies_are_left_alone(tmp_path: Path) -> None:
    plain = {"Content-Type": "text/plain"}
    for options in ({"body": "c={c}"}, {"body": '["{c}"]', "headers": plain}):
        assert ODD.encode() in body_of(tmp_path, ODD, **options)


def test_a_body_file_is_a_body(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"name": "{c}"}')
    request = {"name": "order", "method": "POST", "body_file": "order.json"}
    assert json.loads(body_of(tmp_path, ODD, request=[request])) == {"name": ODD}


@pytest.mark.parametrize(
    "options",
    [
        {"driver": "websocket", "body": '{"name": "{c}"}'},
        {"driver": "grpc", "path": "/shop.Shop/Add", "body": '{"name": "{c}"}'},
    ],
)
def test_messages_of_other_drivers_are_json_too(tmp_path: Path, options: dict[str, Any]) -> None:
    assert json.loads(body_of(tmp_path, ODD, **options)) == {"name": ODD}


def test_a_payload_is_no_json(tmp_path: Path) -> None:
    payload = {"driver": "tcp", "payload": '{"name": "{c}"}', "response": 3}
    assert body_of(tmp_path, ODD, **payload) == f'{{"name": "{ODD}"}}'.encode()
