"""The report files of a result, each written atomically."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from socklat_gate.documents.atomic import remove_half_written, write_atomic
from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import RESULT_SCHEMA, write_document
from socklat_gate.documents.reading import RESULT_FILE
from socklat_gate.errors import Reason, UsageError
from socklat_gate.measured.result import Result
from socklat_gate.report.formats.registry import FORMATS, report_files
from socklat_gate.report.report import Report, report_of

__all__ = ["check_writable", "discard", "discard_reports", "write_reports"]

VERDICT = FORMATS["json"]


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
    _check_names_are_free(out_dir)


def discard_reports(out_dir: Path) -> None:
    """Remove the reports of an earlier run.

    Called before a measurement: were it to fail, the old verdict would pass for the new one.
    Raises `UsageError` (output_not_writable).
    """
    with suppress(OSError):
        remove_half_written(out_dir)
    for name in report_files():
        discard(out_dir / name)


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


def write_reports(result: Result, out_dir: Path) -> Report:
    """Write every file of a report, replacing those of an earlier run; returns the report.

    ``result.json`` comes first: a defect in a report costs no measurement.  ``verdict.json`` comes
    last: where it exists, the others do too.  Raises `UsageError` (output_not_writable).
    """
    check_writable(out_dir)
    discard(out_dir / VERDICT.file)  # an earlier one would be about another result
    write_document(out_dir / RESULT_FILE, RESULT_SCHEMA, to_body(result), overwrite=True)
    report = report_of(result)
    others = [one for one in FORMATS.values() if one is not VERDICT]
    texts = {one.file: one.render(report) for one in (*others, VERDICT)}
    for name, text in texts.items():
        write_atomic(out_dir / name, text.encode("utf-8"), overwrite=True)
    return report


def _check_names_are_free(out_dir: Path) -> None:
    for path in (out_dir / name for name in report_files()):
        if path.is_dir():
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"{path} is a directory, where a report has to go",
                remedy="move it away, or give another directory with --out",
            )
