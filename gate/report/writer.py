"""The report files of a result, each of them whole or absent."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from gate.baseline.atomic import write_atomic
from gate.baseline.document import RESULT_SCHEMA, write_document
from gate.errors import Reason, UsageError
from gate.report.markdown import render_markdown
from gate.report.verdict_json import result_document, verdict_document
from gate.result import Result

__all__ = ["ReportPaths", "check_writable", "discard", "discard_reports", "write_reports"]


class ReportPaths(NamedTuple):
    """Where the reports of one result lie."""

    verdict: Path
    result: Path
    markdown: Path


def check_writable(out_dir: Path) -> None:
    """Create the directory if need be and prove that files can be written there.

    Called before anything is started, since a measurement that cannot be reported is wasted.
    Raises `UsageError` (output_not_writable).
    """
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        # Permission bits do not tell: root ignores them, a read-only mount does not.
        with tempfile.TemporaryFile(dir=out_dir) as probe:
            probe.write(b"x")
            probe.flush()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"cannot write to {out_dir}: {why}",
            remedy="give another directory with --out",
        ) from error
    _check_names_are_free(_paths(out_dir))


def discard_reports(out_dir: Path) -> None:
    """Remove the reports of an earlier run.

    Called before a measurement: were it to fail, the old verdict would pass for the new one.
    Raises `UsageError` (output_not_writable).
    """
    for path in _paths(out_dir):
        discard(path)


def discard(path: Path) -> None:
    """Remove what an earlier run wrote, if anything; raises as `discard_reports`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"cannot replace {path}: {error.strerror}",
            remedy="give another directory with --out",
        ) from error


def write_reports(result: Result, out_dir: Path) -> ReportPaths:
    """Write ``result.json``, ``report.md`` and ``verdict.json``, replacing those of an earlier run.

    ``verdict.json`` comes last: where it exists, the others do too.  Raises `UsageError`
    (output_not_writable).
    """
    check_writable(out_dir)
    paths = _paths(out_dir)
    verdict = json.dumps(verdict_document(result), indent=2, allow_nan=False) + "\n"
    report = render_markdown(result)
    write_document(paths.result, RESULT_SCHEMA, result_document(result), overwrite=True)
    write_atomic(paths.markdown, report.encode("utf-8"), overwrite=True)
    write_atomic(paths.verdict, verdict.encode("ascii"), overwrite=True)
    return paths


def _paths(out_dir: Path) -> ReportPaths:
    return ReportPaths(out_dir / "verdict.json", out_dir / "result.json", out_dir / "report.md")


def _check_names_are_free(paths: ReportPaths) -> None:
    for path in paths:
        if path.is_dir():
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"{path} is a directory, where a report has to go",
                remedy="move it away, or give another directory with --out",
            )
