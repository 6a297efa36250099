"""Requests with values in them: as messages, and as bytes, which are the same written quickly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.load.load_json import load_from_json, load_to_json
from socklat_gate.load.messages import Message, MessageSource
from socklat_gate.load.protocols.http import PROTOCOL
from socklat_gate.load.protocols.registry import session_for
from socklat_gate.load.values import Values
from socklat_gate.scenario import Load

ROWS = [
    {"id": "1", "text": '"q"'},
    {"id": "22", "text": "%d %b {id} {uuid}"},
    {"id": "a b/ü%41", "text": ""},
]
NUMBERS = range(40)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (tmp_path / "image").write_bytes(b"\x89{id}\xff")
    return tmp_path


def load_of(directory: Path, **options: Any) -> Load:
    """A load as its worker has it."""
    options = {"driver": "http", "feeder": "rows.jsonl", **options}
    load = Load.model_validate(options, context={"directory": directory})
    return load_from_json(json.loads(json.dumps(load_to_json(load))))


def source_of(load: Load, seed: int = 3, **variables: str) -> MessageSource:
    kinds = [number % len(load.requests) for number in NUMBERS]
    return MessageSource(load, kinds, Values(seed, load.rows, variables))


def written(load: Load, source: MessageSource) -> list[bytes]:
    """Each request as its session writes it, held against the message that it is of."""
    session = session_for(load, source, "h", 81)()
    found = [session.request(number) for number in NUMBERS]
    for number, data in zip(NUMBERS, found, strict=True):
        message = source.message(number)
        if load.driver == "http":
            assert PROTOCOL.framing is not None
            assert data == PROTOCOL.framing.request_bytes(message, "h:81")
        else:
            assert data == message.body
    return found


def test_columns_are_filled_into_path_headers_and_body(directory):
    load = load_of(
        directory,
        method="POST",
        path="/users/{id}?q={id}",
        headers={"X-Id": "<{id}>", "Accept": "100%"},
        body='{"id": "{id}", "text": {text}, "literal": "{{id}}", "percent": "%d"}',
    )
    found = written(load, source_of(load))
    assert len(set(found)) == len(ROWS)
    (first,) = {one for one in found if b"/users/22?q=22 " in one}
    head, body = first.split(b"\r\n\r\n")
    expected = b'{"id": "22", "text": %d %b {id} {uuid}, "literal": "{id}", "percent": "%d"}'
    assert body == expected
    assert b"\r\nContent-Length: %d\r\n" % len(expected) in head
    assert b"\r\nX-Id: <22>\r\n" in head
    assert b"\r\nAccept: 100%" in head


def test_what_a_path_cannot_have_is_encoded_there_and_nowhere_else(directory):
    load = load_of(directory, path="/{id}", headers={"X-Id": "{id}"})
    (one,) = {one for one in written(load, source_of(load)) if b"%20" in one}
    assert one.startswith(b"GET /a%20b/%C3%BC%41 HTTP/1.1\r\n")
    assert "X-Id: a b/ü%41\r\n".encode() in one


def test_values_do_not_depend_on_the_kind_that_asks_for_them(directory):
    requests = [
        {"name": "one", "path": "/{id}/{uuid}/{random_int:1:99}"},
        {"name": "other", "path": "/{id}/{uuid}/{random_int:1:99}"},
    ]
    several = load_of(directory, request=requests)
    only = load_of(directory, path="/{id}/{uuid}/{random_int:1:99}")
    paths = [
        [source_of(load).message(number).path for number in NUMBERS] for load in (several, only)
    ]
    assert paths[0] == paths[1]
    assert len(set(paths[0])) == len(NUMBERS)


def test_variables_are_filled_in_once_and_for_all(directory):
    load = load_of(
        directory,
        feeder=None,
        headers={"Authorization": "Bearer {token}"},
        path="/{tenant}",
        variables={"tenant": "a b"},
        setup=[{"name": "in", "save": {"token": "/t"}}],
    )
    source = source_of(load, token="t{uuid}%", tenant="a b")
    fixed = source.fixed(0)
    assert fixed == Message(0, "GET", "/a b", (("Authorization", "Bearer t{uuid}%"),), b"")
    assert written(load, source)[0].startswith(b"GET /a%20b HTTP/1.1\r\n")


def test_a_secret_is_filled_with_nothing(directory, monkeypatch):
    monkeypatch.setenv("TOKEN", "se{id}cret{uuid}")
    load = load_of(directory, path="/{id}", headers={"X-Key": {"env": "TOKEN", "prefix": "K "}})
    for one in written(load, source_of(load)):
        assert b"\r\nX-Key: K se{id}cret{uuid}\r\n" in one


def test_payloads_have_escapes_and_values_have_none(directory, monkeypatch):
    monkeypatch.setenv("TOKEN", r"pass\r\n{id}")
    (directory / "rows.jsonl").write_text('{"id": "a\\\\r"}\n')
    payload = [r"AUTH ", {"env": "TOKEN"}, r"\r\nGET {id}\x00\r\n"]
    load = load_of(directory, driver="tcp", payload=payload)
    assert written(load, source_of(load))[0] == b"AUTH pass\\r\\n{id}\r\nGET a\\r\x00\r\n"


@pytest.mark.parametrize("value", [r"pass\r\n", r"pa\ss"])
def test_variables_in_a_payload_have_no_escapes(directory, monkeypatch, value):
    monkeypatch.setenv("TOKEN", value)
    variables = {"key": {"env": "TOKEN"}}
    load = load_of(
        directory, driver="tcp", feeder=None, payload=r"AUTH {key}\r\n", variables=variables
    )
    assert written(load, source_of(load, key=value))[0] == f"AUTH {value}\r\n".encode()


def test_the_handshake_of_a_websocket_is_filled_with_variables(directory):
    load = load_of(
        directory,
        driver="websocket",
        feeder=None,
        body="x",
        path="/é/{tenant}",
        headers={"X-Key": " {tenant}"},
        variables={"tenant": "a b"},
    )
    begun = session_for(load, source_of(load, tenant="a b"), "h", 81)().control()
    assert begun.startswith(b"GET /%C3%A9/a%20b HTTP/1.1\r\n")
    assert b"\r\nx-key: a b\r\n" in begun


def test_a_body_that_is_no_text_is_sent_as_it_is(directory):
    request = {"name": "put", "method": "PUT", "path": "/{id}", "body_file": "image"}
    load = load_of(directory, request=[request])
    for one in written(load, source_of(load)):
        assert one.endswith(b"\r\nContent-Length: 6\r\n\r\n\x89{id}\xff")


def test_the_worker_gets_the_columns_that_are_used(directory):
    load = load_of(directory, path="/{id}")
    assert list(load.rows.columns) == ["id"]
    assert load.rows.rows == len(ROWS)


@given(values=st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_value_makes_a_body_of_the_length_that_is_announced(values, tmp_path_factory):
    directory = tmp_path_factory.mktemp("rows")
    (directory / "rows.jsonl").write_text("\n".join(json.dumps({"id": one}) for one in values))
    load = load_of(directory, method="POST", body="<{id}|{seq}|{id}>")
    for number, one in zip(NUMBERS, written(load, source_of(load)), strict=True):
        head, body = one.split(b"\r\n\r\n", 1)
        assert int(head.rpartition(b": ")[2]) == len(body)
        assert body.decode()[1:-1].split(f"|{number}|")[0] in values
