"""Rows of values: what is read of CSV and JSON lines, and what is refused with its line."""

from __future__ import annotations

import pytest

from socklat_gate.scenario.feeder import Feeder, read_feeder


def test_csv_has_a_header_quotes_and_a_byte_order_mark():
    text = '\ufeffid,name\r\n1,"a, ""b"""\r\n\r\n2,"two\r\nlines"\r\n3,é\r\n'
    feeder = read_feeder("users.csv", text.encode())
    assert feeder.columns == {"id": ("1", "2", "3"), "name": ('a, "b"', "two\r\nlines", "é")}
    assert list(feeder.lines) == [2, 4, 6]
    assert feeder.rows == 3


def test_json_lines_have_texts_numbers_and_what_else_json_has():
    text = '{"id": 1, "name": "a", "tags": ["x", 1.5]}\n\n{"tags": true, "name": "b", "id": 1e3}\n'
    feeder = read_feeder("users.jsonl", text.encode())
    assert feeder.columns == {
        "id": ("1", "1000.0"),
        "name": ("a", "b"),
        "tags": ('["x",1.5]', "true"),
    }
    assert list(feeder.lines) == [1, 3]


def test_the_digest_is_of_the_content():
    one, same, other = (
        read_feeder(name, text)
        for name, text in (("a.csv", b"id\n1\n"), ("b.csv", b"id\n1\n"), ("a.csv", b"id\n2\n"))
    )
    assert one.digest == same.digest != other.digest
    assert isinstance(one, Feeder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("u.csv", b"", "u.csv has no row and no column"),
        ("u.csv", b"id,name\n", "u.csv has no row"),
        ("u.csv", b"id,name\n1,a\n2\n", "u.csv:3: 1 fields, where the first line has 2"),
        ("u.csv", b"id\n1\n2,3\n", "u.csv:3: 2 fields, where the first line has 1"),
        ("u.csv", b'id\n"1\n', "u.csv:2: not CSV"),
        ("u.csv", b"id,id\n1,2\n", "u.csv:1: column id is there twice"),
        ("u.csv", b"id,user id\n1,2\n", "u.csv:1: column 2 has no name"),
        ("u.csv", b"uuid\n1\n", "u.csv:1: uuid is a built-in field"),
        ("u.csv", b"id\n1\n\xff\n", "u.csv:3: not UTF-8"),
        ("u.xlsx", b"PK", "u.xlsx has to end with .csv or .jsonl"),
        ("u", b"id\n1\n", "u has to end with .csv or .jsonl"),
        ("u.jsonl", b"[1]\n", "u.jsonl:1: not an object"),
        ("u.jsonl", b'{"id": 1}\n{"id": }\n', "u.jsonl:2: not JSON"),
        ("u.jsonl", b'{"id": 1}\n{"name": 2}\n', "u.jsonl:2: lacks 'id', unlike the first line"),
        ("u.jsonl", b'{"id": 1}\n{"id": 2, "x": 3}\n', "u.jsonl:2: has 'x', unlike"),
        ("u.jsonl", b'{"id": null}\n', "u.jsonl:1: id is null"),
        ("u.jsonl", b'{"id": "\\ud800"}\n', "u.jsonl:1: a value that is no Unicode text"),
        ("u.jsonl", b'{"id": %b}\n' % (b"9" * 5000), "u.jsonl:1: not JSON"),
        ("u.jsonl", b"", "u.jsonl has no row and no column"),
        ("u.jsonl", b"[" * 100_000, "u.jsonl:1: not JSON"),
    ],
)
def test_what_is_refused_names_file_and_line(name, content, message):
    with pytest.raises(ValueError, match="u") as caught:
        read_feeder(name, content)
    assert str(caught.value).startswith(message)


def test_a_file_that_is_none_is_not_quoted():
    """It is read before it is known whether a pull request's scenario may name it."""
    with pytest.raises(ValueError, match="column 1") as caught:
        read_feeder("link.csv", b"root:$6$canary$:19000:0\n")
    assert "canary" not in str(caught.value)


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("socklat_gate.scenario.feeder.MAX_BYTES", 10)
    with pytest.raises(ValueError, match=r"u\.csv has 11 bytes, more than 10"):
        read_feeder("u.csv", b"id\n" + b"1" * 8)
    monkeypatch.setattr("socklat_gate.scenario.feeder.MAX_ROWS", 2)
    with pytest.raises(ValueError, match=r"u\.csv:4: more than 2 rows"):
        read_feeder("u.csv", b"id\n1\n2\n3\n")
