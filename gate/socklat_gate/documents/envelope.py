"""The envelope around stored bodies: schema name, version, and a checksum of the content.

``{"schema": ..., "schema_version": 1, "checksum": "sha256:...", "body": {...}}``, the checksum
over the body's canonical JSON (sorted keys, no spaces, ASCII), so that reformatting a file does no
harm and altering it does.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NoReturn

from socklat_gate.documents.atomic import write_atomic
from socklat_gate.documents.legacy import facts_of_prose, from_version_1
from socklat_gate.documents.limits import CAMPAIGN, RESULT, Limits, text_problem
from socklat_gate.documents.reading import read_bounded, refuse_document
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError

__all__ = [
    "CAMPAIGN_SCHEMA",
    "RESULT_SCHEMA",
    "SCHEMA_VERSION",
    "checksum_of",
    "encode_document",
    "parse_document",
    "read_document",
    "schema_of",
    "write_document",
]

CAMPAIGN_SCHEMA = "socklat-gate/campaign"
RESULT_SCHEMA = "socklat-gate/result"
SCHEMA_VERSION = 2
READABLE = (1, SCHEMA_VERSION)
MEMBERS = {"schema", "schema_version", "checksum", "body"}


def checksum_of(body: dict[str, Any]) -> str:
    """``sha256:`` and 64 hex digits.  Raises `ValueError` for NaN or infinity."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def encode_document(where: str, schema: str, body: dict[str, Any]) -> bytes:
    """The bytes of an envelope, which `parse_document` will read; ``where`` is for the message.

    Raises `UsageError` (output_not_writable) when they would be too large to be read back.
    """
    document = {
        "schema": schema,
        "schema_version": SCHEMA_VERSION,
        "checksum": checksum_of(body),
        "body": body,
    }
    data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    problem = text_problem(data, _limits_of(schema))
    if problem:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"{where} could not be read back: it {problem}",
            remedy="store fewer runs in one file",
        )
    return data


def write_document(
    path: Path, schema: str, body: dict[str, Any], *, overwrite: bool = False
) -> None:
    """Write an envelope atomically.

    Raises `UsageError` (output_not_writable) when the file exists and ``overwrite`` is not set,
    when it could not be read back, or when the system refuses.
    """
    data = encode_document(str(path), schema, body)
    try:
        write_atomic(path, data, overwrite=overwrite)
    except FileExistsError:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"{path} exists already, and stored campaigns are never changed",
            remedy="choose another name, or remove the file first",
        ) from None


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """The body of a stored document of this schema, its checksum verified.

    Raises `NoUsableBaseline`: baseline_missing when there is no such file or it cannot be read,
    otherwise as `parse_document` does.
    """
    return parse_document(str(path), read_bounded(path, _limits_of(schema).stored), schema)


def parse_document(where: str, data: bytes, schema: str) -> dict[str, Any]:
    """The body in the bytes of a document of this schema; ``where`` is for the message.

    Raises `NoUsableBaseline`: baseline_empty for 0 bytes, baseline_schema for another schema or
    version, and baseline_corrupt for everything else that is wrong.
    """
    document = _parse_envelope(where, data, _limits_of(schema))
    del data
    _check_schema(where, schema, document["schema"], document["schema_version"])
    body = document["body"]
    if not isinstance(body, dict):
        refuse_document(where, "has a body that is not an object")
    try:
        actual = checksum_of(body)
    except (RecursionError, ValueError) as error:
        refuse_document(where, f"cannot be checked: {error}")
    if document["checksum"] != actual:
        refuse_document(where, "was altered or damaged: its checksum does not match its content")
    if document["schema_version"] == 1:
        body = from_version_1(body)
    return facts_of_prose(body)


def schema_of(path: Path) -> str:
    """The schema that a stored document names; its content is not checked.

    Raises `NoUsableBaseline` as `read_document` does for a file that is no document.
    """
    schema = _parse_envelope(str(path), read_bounded(path, RESULT.stored), RESULT)["schema"]
    if not isinstance(schema, str):
        refuse_document(str(path), "has no valid schema and schema_version")
    return schema


def _limits_of(schema: str) -> Limits:
    return RESULT if schema == RESULT_SCHEMA else CAMPAIGN


def _parse_envelope(where: str, data: bytes, limits: Limits) -> dict[str, object]:
    document = _parse_bounded(where, data, limits)
    if not isinstance(document, dict) or document.keys() != MEMBERS:
        refuse_document(where, f"is not a document with members {', '.join(sorted(MEMBERS))}")
    return document


def _parse_bounded(where: str, data: bytes, limits: Limits) -> object:
    if not data:
        refuse_document(where, "is empty", Reason.BASELINE_EMPTY)
    problem = text_problem(data, limits)
    if problem:
        refuse_document(where, problem)
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_constant=_no_constants,
            object_pairs_hook=_no_duplicates,
        )
    except RecursionError:
        refuse_document(where, "is nested too deeply")
    except ValueError as error:  # JSON, UTF-8 and numbers of too many digits
        refuse_document(where, f"is not valid JSON (truncated?): {str(error)[:200]}")


def _no_constants(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same member twice")
    return members


def _check_schema(where: str, wanted: str, schema: object, version: object) -> None:
    if type(version) is not int or not isinstance(schema, str):
        refuse_document(where, "has no valid schema and schema_version")
    if schema != wanted:
        raise NoUsableBaseline(
            Reason.BASELINE_SCHEMA,
            f"{where} holds {schema[:80]!r}, not {wanted!r}",
            remedy="give a file of the right kind",
        )
    if version not in READABLE:
        raise NoUsableBaseline(
            Reason.BASELINE_SCHEMA,
            f"{where} has schema version {str(version)[:20]}; this version reads {SCHEMA_VERSION}",
            remedy="use the version of socklat-gate that wrote it, or measure and save it again",
        )
