"""The artifact of another run: a ZIP file that whoever controls that run may have made.

Nothing of it is unpacked to disk under a name of its own, nothing is larger than the bounds here,
and only ``result.json`` is believed, as far as the strict reader of stored results believes it.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any, NamedTuple, NoReturn

from jsonschema import Draft202012Validator

from socklat_gate.documents.files import read_result
from socklat_gate.documents.reading import RESULT_FILE
from socklat_gate.errors import GateError, Reason, UsageError
from socklat_gate.measured.result import Result
from socklat_gate.report.formats import markdown
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.formats.verdict_schema import verdict_schema
from socklat_gate.report.report import Report, report_of
from socklat_gate.scratch import ScratchDirectory

__all__ = ["MAX_ZIP_BYTES", "UntrustedResult", "read_artifact"]

VERDICT_FILE = FORMATS["json"].file
MAX_ZIP_BYTES = 32 << 20
MAX_ENTRIES = 100
MAX_RESULT_BYTES = 16 << 20
MAX_VERDICT_BYTES = 1 << 20
SAME = ("verdict", "exit_code", "scenario", "kind", "created", "seed", "pairs")
"""Members of verdict.json that must be those of result.json, letter by letter."""


class UntrustedResult(NamedTuple):
    """A result from another job, and the report made of it here."""

    result: Result
    report: Report


def read_artifact(data: bytes) -> UntrustedResult:
    """What is in an artifact that holds ``verdict.json`` and ``result.json``.

    Raises `UsageError` (ARTIFACT_REFUSED) for anything that this version would not have written.
    """
    if len(data) > MAX_ZIP_BYTES:
        _refuse(f"it has more than {MAX_ZIP_BYTES} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            verdict = _member(archive, VERDICT_FILE, MAX_VERDICT_BYTES)
            result = _member(archive, RESULT_FILE, MAX_RESULT_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        _refuse(f"it is no proper ZIP file ({type(error).__name__})")
    document = _checked_verdict(verdict)
    read = _read(result)
    try:
        expected, report = verdict_document(read), report_of(read)
        markdown.render(report)
    except (ArithmeticError, LookupError, ValueError) as error:
        # Each number is possible, but no measurement gives all of them together.
        _refuse(f"{RESULT_FILE} cannot be rendered ({type(error).__name__})")
    for name in SAME:
        if document[name] != expected[name]:
            _refuse(f"{name} in {VERDICT_FILE} is not that of {RESULT_FILE}")
    return UntrustedResult(read, report)


def _member(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """The content of the one member of that name."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        _refuse(f"it has more than {MAX_ENTRIES} files")
    found = [entry for entry in entries if entry.filename == name]
    if len(found) != 1:
        _refuse(f"it holds {len(found)} files {name}")
    if found[0].flag_bits & 1:
        _refuse(f"{name} is encrypted")
    with archive.open(found[0]) as file:
        # The size that the archive gives is a claim like any other.
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        _refuse(f"{name} has more than {most_bytes} bytes")
    return data


def _checked_verdict(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8"))
        wrong = next(Draft202012Validator(verdict_schema()).iter_errors(document), None)
    except (ValueError, RecursionError):
        _refuse(f"{VERDICT_FILE} is not JSON")
    if wrong is not None:
        where = "/".join(map(str, wrong.absolute_path))[:80] or "the document"
        _refuse(f"{VERDICT_FILE} does not follow its schema at {where}")
    assert isinstance(document, dict)
    return document


def _read(data: bytes) -> Result:
    with ScratchDirectory() as directory:
        path = directory / RESULT_FILE
        path.write_bytes(data)
        try:
            return read_result(path)
        except GateError as error:
            _refuse(error.message.replace(str(path), RESULT_FILE))


def _refuse(why: str) -> NoReturn:
    raise UsageError(
        Reason.ARTIFACT_REFUSED,
        f"the artifact is refused: {why}",
        remedy="let the measuring workflow use this version of socklat-gate; its log has the rest",
    )
