"""The report files of a result, each of them whole or absent."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from socklat_gate.documents.atomic import write_atomic
from socklat_gate.documents.envelope import RESULT_SCHEMA, write_document
from socklat_gate.errors import Reason, UsageError
from socklat_gate.measured.result import Result
from socklat_gate.report.formats.html.page import render_html
from socklat_gate.report.formats.junit import render_junit
from socklat_gate.report.formats.markdown import render_markdown
from socklat_gate.report.formats.openmetrics import render_openmetrics
from socklat_gate.report.formats.verdict_json import result_document, verdict_document

__all__ = ["ReportPaths", "check_writable", "discard", "discard_reports", "write_reports"]


class ReportPaths(NamedTuple):
    """Where the reports of one result lie."""

    verdict: Path
    result: Path
    markdown: Path
    html: Path
    junit: Path
    openmetrics: Path


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
    """Write every file of `ReportPaths`, replacing those of an earlier run.

    ``result.json`` comes first: a defect in a report costs no measurement.  ``verdict.json`` comes
    last: where it exists, the others do too.  Raises `UsageError` (output_not_writable).
    """
    check_writable(out_dir)
    paths = _paths(out_dir)
    discard(paths.verdict)  # an earlier one would be about another result
    write_document(paths.result, RESULT_SCHEMA, result_document(result), overwrite=True)
    verdict = json.dumps(verdict_document(result), indent=2, allow_nan=False) + "\n"
    texts = {
        paths.markdown: render_markdown(result),
        paths.html: render_html(result),
        paths.junit: render_junit(result),
        paths.openmetrics: render_openmetrics(result),
        paths.verdict: verdict,
    }
    for path, text in texts.items():
        write_atomic(path, text.encode("utf-8"), overwrite=True)
    return paths


def _paths(out_dir: Path) -> ReportPaths:
    return ReportPaths(
        verdict=out_dir / "verdict.json",
        result=out_dir / "result.json",
        markdown=out_dir / "report.md",
        html=out_dir / "report.html",
        junit=out_dir / "junit.xml",
        openmetrics=out_dir / "metrics.txt",
    )


def _check_names_are_free(paths: ReportPaths) -> None:
    for path in paths:
        if path.is_dir():
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"{path} is a directory, where a report has to go",
                remedy="move it away, or give another directory with --out",
            )
