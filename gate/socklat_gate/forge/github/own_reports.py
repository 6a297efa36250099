"""The reports that a gate wrote, apart from whatever else lies in their directory.

The directory may be a pull request's: a file, or a link to one of the runner's, that it left there
must not be uploaded for everybody to read.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.report.formats.registry import report_files

__all__ = ["check_no_links", "copy_reports"]


def check_no_links(out: Path) -> None:
    """Raises `UsageError` (OUTPUT_NOT_WRITABLE) for a place that is reached by a link from here.

    What is written there may be written by root.
    """
    here = Path.cwd()
    given = Path(os.path.normpath(here / out))
    if not given.is_relative_to(here):
        return
    if Path(os.path.realpath(given)) != Path(os.path.realpath(here)) / given.relative_to(here):
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"{out} is a symbolic link, or lies behind one: the checkout chooses where it leads",
            remedy="remove it from the checkout, or give another directory for the reports",
        )


def copy_reports(out: Path, parent: Path) -> Path:
    """A new directory in ``parent`` with the reports of ``out``.

    Regular files of the names that a report has, and nothing that a link leads to.
    """
    kept = Path(tempfile.mkdtemp(prefix="socklat-gate-reports-", dir=parent))
    for name in report_files():
        try:
            handle = os.open(out / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        found = os.fstat(handle)
        # A second name of a file is as good as a link to it.
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(handle)
            continue
        with os.fdopen(handle, "rb") as source, (kept / name).open("xb") as target:
            shutil.copyfileobj(source, target)
    return kept
