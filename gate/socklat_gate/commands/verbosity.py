"""``-v``: what the package logs, on stderr; never on stdout, which belongs to data."""

from __future__ import annotations

import logging
import time

import click

from socklat_gate.masking import mask
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["log_to_stderr"]

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Handler(logging.Handler):
    """Writes to whatever stderr is at the moment: a live view puts its own in place."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line a record, fit for a terminal and without secrets."""
        try:
            click.echo(mask(self.format(record)), err=True)
        except Exception:  # a log line that cannot be written is no reason to end a job
            self.handleError(record)


class _NoteFormatter(logging.Formatter):
    """``note: ...``, without -v."""

    def format(self, record: logging.LogRecord) -> str:
        return f"note: {strip_control_characters(record.getMessage(), ' ')}"


class _LogFormatter(logging.Formatter):
    """UTC time, level, module and message."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%H:%M:%S", time.gmtime(record.created))
        module = record.name.removeprefix("socklat_gate.")
        line = f"{seconds}.{record.msecs:03.0f}Z {record.levelname.lower():<7} {module}: "
        line += strip_control_characters(record.getMessage(), " ")
        return line + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


def log_to_stderr(verbose: int) -> None:
    """Show warnings as notes (0), what is done (1) or everything (2 and more)."""
    handler = _Handler()
    handler.setFormatter(_LogFormatter() if verbose else _NoteFormatter())
    package = logging.getLogger("socklat_gate")
    for old in [one for one in package.handlers if isinstance(one, _Handler)]:
        package.removeHandler(old)
    package.addHandler(handler)
    package.setLevel(_LEVELS[min(verbose, len(_LEVELS) - 1)])
