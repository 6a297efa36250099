"""The envelope around stored bodies: schema name, version, and a checksum of the content.

``{"schema": ..., "schema_version": 1, "checksum": "sha256:...", "body": {...}}``, the checksum
over the body's canonical JSON (sorted keys, no spaces, ASCII), so that reformatting a file does no
harm and altering it does.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from gate.baseline.atomic import write_atomic
from gate.errors import NoUsableBaseline, Reason, UsageError

__all__ = [
    "CAMPAIGN_SCHEMA",
    "MAX_BYTES",
    "RESULT_SCHEMA",
    "SCHEMA_VERSION",
    "checksum_of",
    "read_document",
    "schema_of",
    "write_document",
]

CAMPAIGN_SCHEMA = "socklat-gate/campaign"
RESULT_SCHEMA = "socklat-gate/result"
SCHEMA_VERSION = 1
MAX_BYTES = 64 << 20
MEMBERS = {"schema", "schema_version", "checksum", "body"}

RESTORE = "restore the file from where it was saved, or measure and save it again"


def checksum_of(body: dict[str, Any]) -> str:
    """``sha256:`` and 64 hex digits.  Raises `ValueError` for NaN or infinity."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def write_document(
    path: Path, schema: str, body: dict[str, Any], *, overwrite: bool = False
) -> str:
    """Write an envelope atomically and return its checksum.

    Raises `UsageError` (output_not_writable) when the file exists and ``overwrite`` is not set,
    when it would be larger than `MAX_BYTES`, or when the system refuses.
    """
    checksum = checksum_of(body)
    document = {
        "schema": schema,
        "schema_version": SCHEMA_VERSION,
        "checksum": checksum,
        "body": body,
    }
    data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(data) > MAX_BYTES:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"{path} would have {len(data)} bytes, more than the {MAX_BYTES} that can be read back",
            remedy="store fewer runs in one file",
        )
    try:
        write_atomic(path, data, overwrite=overwrite)
    except FileExistsError:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"{path} exists already, and stored campaigns are never changed",
            remedy="choose another name, or remove the file first",
        ) from None
    return checksum


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """The body of a stored document of this schema, its checksum verified.

    Raises `NoUsableBaseline`: baseline_missing when there is no such file or it cannot be read,
    baseline_empty for 0 bytes, baseline_schema for another schema or version, and baseline_corrupt
    for everything else that is wrong.
    """
    document = _document(path)
    _check_schema(path, schema, document["schema"], document["schema_version"])
    body = document["body"]
    if not isinstance(body, dict):
        _corrupt(path, "has a body that is not an object")
    try:
        actual = checksum_of(body)
    except (RecursionError, ValueError) as error:
        _corrupt(path, f"cannot be checked: {error}")
    if document["checksum"] != actual:
        _corrupt(path, "was altered or damaged: its checksum does not match its content")
    return body


def schema_of(path: Path) -> str:
    """The schema that a stored document names; its content is not checked.

    Raises `NoUsableBaseline` as `read_document` does for a file that is no document.
    """
    schema = _document(path)["schema"]
    if not isinstance(schema, str):
        _corrupt(path, "has no valid schema and schema_version")
    return schema


def _document(path: Path) -> dict[str, object]:
    document = _parsed(path, _read(path))
    if not isinstance(document, dict) or document.keys() != MEMBERS:
        _corrupt(path, f"is not a document with members {', '.join(sorted(MEMBERS))}")
    return document


def _read(path: Path) -> bytes:
    try:
        # Opening a named pipe would otherwise wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                _corrupt(path, "is not a regular file")
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NoUsableBaseline(
            Reason.BASELINE_MISSING,
            f"cannot read {path}: {why}",
            remedy="check the path and its permissions",
        ) from error
    if not data:
        raise NoUsableBaseline(Reason.BASELINE_EMPTY, f"{path} is empty", remedy=RESTORE)
    if len(data) > MAX_BYTES:
        _corrupt(path, f"is larger than {MAX_BYTES} bytes")
    return data


def _parsed(path: Path, data: bytes) -> object:
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins
        )
    except RecursionError:
        _corrupt(path, "is nested too deeply")
    except ValueError as error:  # JSON, UTF-8 and numbers of too many digits
        _corrupt(path, f"is not valid JSON (truncated?): {str(error)[:200]}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same member twice")
    return members


def _check_schema(path: Path, wanted: str, schema: object, version: object) -> None:
    if type(version) is not int or not isinstance(schema, str):
        _corrupt(path, "has no valid schema and schema_version")
    if schema != wanted:
        raise NoUsableBaseline(
            Reason.BASELINE_SCHEMA,
            f"{path} holds {schema[:80]!r}, not {wanted!r}",
            remedy="give a file of the right kind",
        )
    if version != SCHEMA_VERSION:
        raise NoUsableBaseline(
            Reason.BASELINE_SCHEMA,
            f"{path} has schema version {str(version)[:20]}; this version reads {SCHEMA_VERSION}",
            remedy="use the version of socklat-gate that wrote it, or measure and save it again",
        )


def _corrupt(path: Path, what: str) -> NoReturn:
    raise NoUsableBaseline(Reason.BASELINE_CORRUPT, f"{path} {what}", remedy=RESTORE)
