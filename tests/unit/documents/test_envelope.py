import json
import os
import random
from dataclasses import replace

import pytest

from socklat_gate.documents import envelope as document
from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import (
    CAMPAIGN_SCHEMA,
    RESULT_SCHEMA,
    checksum_of,
    read_document,
    schema_of,
    write_document,
)
from socklat_gate.documents.limits import CAMPAIGN, RESULT, text_problem
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.records import EXCHANGE_STAGES
from socklat_gate.measured.run import Spike

BODY = {"name": "caf\u00e9", "values": [1, 2.5, None, 1e-05], "inner": {"b": True, "a": ""}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "document.json"
    write_document(path, CAMPAIGN_SCHEMA, BODY)
    return path


def refused(path, reason, schema=CAMPAIGN_SCHEMA):
    with pytest.raises(NoUsableBaseline) as caught:
        read_document(path, schema)
    assert caught.value.reason is reason
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value.message


def test_what_was_written_is_read(path):
    assert read_document(path, CAMPAIGN_SCHEMA) == BODY
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert json.loads(path.read_text())["checksum"] == checksum_of(BODY)


def test_reformatting_a_file_does_no_harm(path):
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4, sort_keys=True))
    assert read_document(path, CAMPAIGN_SCHEMA) == BODY


def test_the_checksum_depends_on_content_not_on_order():
    assert checksum_of({"a": 1, "b": 2}) == checksum_of({"b": 2, "a": 1})
    assert checksum_of({"a": 1}) != checksum_of({"a": 2})


def test_a_stored_document_is_never_changed(path):
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already") as caught:
        write_document(path, CAMPAIGN_SCHEMA, {"other": 1})
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_overwriting_replaces_the_whole_file(path):
    write_document(path, CAMPAIGN_SCHEMA, {"other": 1}, overwrite=True)
    assert read_document(path, CAMPAIGN_SCHEMA) == {"other": 1}


def test_a_file_system_without_hard_links_works_too(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "a.json"
    write_document(path, CAMPAIGN_SCHEMA, BODY)
    with pytest.raises(UsageError, match="exists already"):
        write_document(path, CAMPAIGN_SCHEMA, {})
    assert read_document(path, CAMPAIGN_SCHEMA) == BODY


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot write .*No such file"):
        write_document(tmp_path / "nowhere" / "a.json", CAMPAIGN_SCHEMA, BODY)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_document(tmp_path / "a.json", CAMPAIGN_SCHEMA, BODY)
    assert list(tmp_path.iterdir()) == []


def test_more_than_can_be_read_back_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "CAMPAIGN", replace(CAMPAIGN, stored=50))
    with pytest.raises(UsageError, match="larger than 50"):
        write_document(tmp_path / "a.json", CAMPAIGN_SCHEMA, BODY)


def test_a_missing_file_an_empty_file_and_a_directory(tmp_path):
    refused(tmp_path / "none.json", Reason.BASELINE_MISSING)
    empty = tmp_path / "empty.json"
    empty.touch()
    refused(empty, Reason.BASELINE_EMPTY)
    refused(tmp_path, Reason.BASELINE_MISSING)
    refused(tmp_path / "a\0b", Reason.BASELINE_MISSING)


def test_a_named_pipe_does_not_block(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "regular" in refused(pipe, Reason.BASELINE_CORRUPT)


def test_a_document_of_another_kind_or_version(path):
    assert RESULT_SCHEMA in refused(path, Reason.BASELINE_SCHEMA, RESULT_SCHEMA)
    envelope = json.loads(path.read_text())
    path.write_text(json.dumps({**envelope, "schema_version": 3}))
    assert "version 3" in refused(path, Reason.BASELINE_SCHEMA)


def test_the_schema_of_a_file_is_told_without_trusting_its_content(path):
    assert schema_of(path) == CAMPAIGN_SCHEMA
    path.write_text(envelope(BODY, schema=RESULT_SCHEMA))
    assert schema_of(path) == RESULT_SCHEMA
    path.write_text(envelope(BODY, schema=3))
    with pytest.raises(NoUsableBaseline, match="no valid schema"):
        schema_of(path)


def envelope(body, **changes):
    parts = {"schema": CAMPAIGN_SCHEMA, "schema_version": 1, "checksum": "", "body": body}
    return json.dumps({**parts, **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "not a document"),
        ("{}", "not a document"),
        ("null", "not a document"),
        (envelope(BODY, extra=1), "not a document"),
        (envelope([1]), "not an object"),
        (envelope(BODY), "checksum does not match"),
        (envelope(BODY, checksum=checksum_of({})), "checksum does not match"),
        (envelope(BODY, checksum=7), "checksum does not match"),
        (envelope(BODY, schema=None), "no valid schema"),
        (envelope(BODY, schema_version="1"), "no valid schema"),
        (envelope(BODY, schema_version=True), "no valid schema"),
        ('{"schema": NaN}', "NaN is not JSON"),
        ('{"a": 1, "a": 2}', "same member twice"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        (envelope({"a": 1}).replace("1}}", "1e999}}"), "cannot be checked"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 20_000, "nested too deeply"),
        ('{"a":' * 100_000, "14 MiB of memory to parse"),
    ],
)
def test_other_content_is_corrupt(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    assert message in refused(path, Reason.BASELINE_CORRUPT)


def test_nesting_that_only_the_checksum_would_trip_over_is_corrupt(tmp_path):
    for depth in (200, 900, 3000):
        path = tmp_path / f"{depth}.json"
        path.write_text(envelope({}).replace("{}", '{"a":' + "[" * depth + "]" * depth + "}"))
        refused(path, Reason.BASELINE_CORRUPT)


def test_a_huge_file_is_not_read_to_its_end(path, monkeypatch):
    monkeypatch.setattr(document, "CAMPAIGN", replace(CAMPAIGN, stored=20))
    assert "larger than 20" in refused(path, Reason.BASELINE_CORRUPT)


def test_every_truncation_is_refused(path):
    data = path.read_bytes()
    for end in range(1, len(data) - 1):  # the last byte is only the final newline
        path.write_bytes(data[:end])
        refused(path, Reason.BASELINE_CORRUPT)


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_every_flipped_bit_is_refused(path, mask):
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :])
        with pytest.raises(NoUsableBaseline):
            read_document(path, CAMPAIGN_SCHEMA)


def test_a_replaced_byte_is_refused_unless_it_means_the_same(path):
    data = path.read_bytes()
    rng = random.Random(7)
    for _ in range(1500):
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :])
        try:
            assert read_document(path, CAMPAIGN_SCHEMA) == BODY
        except NoUsableBaseline:
            continue


def test_a_result_may_have_a_hundred_thousand_spikes():
    stages = dict.fromkeys(EXCHANGE_STAGES, 10_000_000_000)
    spike = Spike(10**15, stages, "[2001:db8::1111:2222:3333:4444]:65535", 127, request="x" * 40)
    text = json.dumps(to_body(spike), separators=(",", ":")).encode()
    assert text_problem(b",".join([text] * 100_000), RESULT) == ""
