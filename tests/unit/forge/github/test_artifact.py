"""Artifacts as somebody might have made them."""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import RESULT_SCHEMA, write_document
from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github import artifact
from socklat_gate.forge.github.artifact import read_artifact
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats import markdown
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result


def zipped(files: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return data.getvalue()


def reports(tmp_path: Path, result: Result | None = None) -> dict[str, bytes]:
    write_reports(result or make_result(), tmp_path)
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return reports(tmp_path_factory.mktemp("reports"))


def refused(data: bytes) -> str:
    with pytest.raises(UsageError) as caught:
        read_artifact(data)
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
    return caught.value.message


@pytest.mark.parametrize("outcome", Outcome)
def test_what_a_gate_wrote_is_read(tmp_path: Path, outcome: Outcome) -> None:
    files = reports(tmp_path, make_result("gate", outcome))
    result, report = read_artifact(zipped(list(files.items())))
    assert markdown.render(report) == files["report.md"].decode("utf-8")
    assert result.verdict.outcome is outcome


def test_other_reports_are_not_looked_at(files: dict[str, bytes]) -> None:
    others = [("report.md", b"[x](https://evil.example)"), ("report.html", b"<script>")]
    kept = [(name, data) for name, data in files.items() if name != "report.md"]
    assert read_artifact(zipped(kept + others)).result.scenario_name == "checkout"


@pytest.mark.parametrize("name", ["verdict.json", "result.json"])
def test_a_file_that_is_missing_or_there_twice(files: dict[str, bytes], name: str) -> None:
    rest = [(other, data) for other, data in files.items() if other != name]
    assert "holds 0 files" in refused(zipped(rest))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped([*files.items(), (name, files[name])])
    assert "holds 2 files" in refused(twice)


@pytest.mark.parametrize(
    "name", ["../verdict.json", "/verdict.json", "x/verdict.json", "verdict.json/", "VERDICT.JSON"]
)
def test_a_name_elsewhere_is_not_the_name(files: dict[str, bytes], name: str) -> None:
    moved = [(name if other == "verdict.json" else other, d) for other, d in files.items()]
    assert "holds 0 files" in refused(zipped(moved))


def test_nothing_is_written_under_a_name_of_the_archive(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work" / "deep"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(work))
    names = ["../../escaped", "/tmp/escaped-socklat", "..\\escaped", "a/../../escaped", "C:\\x"]
    read_artifact(zipped([*files.items(), *((name, b"x") for name in names)]))
    assert list(work.iterdir()) == []
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/escaped-socklat").exists()


def test_a_symbolic_link_is_its_text_only(files: dict[str, bytes]) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        link = zipfile.ZipInfo("result.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("verdict.json", files["verdict.json"])
    assert "not valid JSON" in refused(data.getvalue())


def test_a_bomb_is_not_unpacked(files: dict[str, bytes]) -> None:
    bomb = zipped([("verdict.json", files["verdict.json"]), ("result.json", bytes(64 << 20))])
    assert len(bomb) < 1 << 20
    assert "more than 16777216 bytes" in refused(bomb)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(files: dict[str, bytes]) -> None:
    honest = zipped([("verdict.json", bytes(64 << 20)), ("result.json", files["result.json"])])
    at = honest.index(b"PK\x01\x02")
    lying = honest[: at + 24] + struct.pack("<I", 100) + honest[at + 28 :]
    assert "refused" in refused(lying)


def test_too_many_files(files: dict[str, bytes]) -> None:
    many = [(f"f{n}", b"") for n in range(artifact.MAX_ENTRIES)]
    assert "more than 100 files" in refused(zipped([*files.items(), *many]))


def test_too_large_a_zip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "MAX_ZIP_BYTES", 100)
    assert "more than 100 bytes" in refused(bytes(101))


def test_encrypted_files(files: dict[str, bytes]) -> None:
    data = bytearray(zipped(list(files.items())))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            data[at + offset] |= 1
    assert "encrypted" in refused(bytes(data))


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 1000, b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip(data: bytes) -> None:
    refused(data)


@pytest.mark.parametrize("step", [1499, pytest.param(97, marks=pytest.mark.slow)])
def test_damage_anywhere_is_refused_or_harmless(files: dict[str, bytes], step: int) -> None:
    whole = zipped(list(files.items()))
    expected = read_artifact(whole)
    for at in range(0, len(whole), step):
        damaged = bytearray(whole)
        damaged[at] ^= 0x41
        with suppress(UsageError):
            assert read_artifact(bytes(damaged)).report.head == expected.report.head


def changed(files: dict[str, bytes], **members: Any) -> bytes:
    document = {**json.loads(files["verdict.json"]), **members}
    return zipped(
        [
            ("verdict.json", json.dumps(document).encode()),
            ("result.json", files["result.json"]),
        ]
    )


@pytest.mark.parametrize(
    "members",
    [
        {"verdict": "pass"},
        {"exit_code": 0},
        {"scenario": "other"},
        {"created": "yesterday"},
        {"seed": 43},
    ],
)
def test_a_verdict_that_is_not_the_results(
    files: dict[str, bytes], members: dict[str, Any]
) -> None:
    assert "is not that of result.json" in refused(changed(files, **members))


@pytest.mark.parametrize(
    "members",
    [
        {"verdict": "great"},
        {"more": 1},
        {"schema_version": 3},
        {"reasons": [{"code": "x", "text": "y"}]},
        {"scenario": {"a": 1}},
    ],
)
def test_a_verdict_that_does_not_follow_its_schema(
    files: dict[str, bytes], members: dict[str, Any]
) -> None:
    assert "does not follow its schema" in refused(changed(files, **members))


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"null", b"5", b"{", b"[" * 200_000, b'{"a":' * 50_000, b"\xff\xfe"]
)
@pytest.mark.parametrize("name", ["verdict.json", "result.json"])
def test_a_file_that_is_something_else(files: dict[str, bytes], name: str, text: bytes) -> None:
    other = {**files, name: text}
    refused(zipped([(key, other[key]) for key in ("verdict.json", "result.json")]))


def test_numbers_that_no_measurement_gives_are_refused(tmp_path: Path) -> None:
    result = make_result()
    odd = replace(result.verdict.metrics[0], quantile=2.0)
    impossible = replace(result, verdict=replace(result.verdict, metrics=(odd,)))
    files = reports(tmp_path)
    write_document(tmp_path / "odd.json", RESULT_SCHEMA, to_body(impossible))
    other = [("verdict.json", files["verdict.json"])]
    data = zipped([*other, ("result.json", (tmp_path / "odd.json").read_bytes())])
    assert "cannot be rendered (ValueError)" in refused(data)


def test_an_altered_result_is_refused(files: dict[str, bytes]) -> None:
    altered = files["result.json"].replace(b'"checkout"', b'"checkin"')
    data = zipped([("verdict.json", files["verdict.json"]), ("result.json", altered)])
    assert "altered or damaged" in refused(data)
