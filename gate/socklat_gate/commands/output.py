"""What commands print on stdout: data, and lines for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from socklat_gate.errors import Reason, UsageError
from socklat_gate.masking import mask

__all__ = ["align", "emit", "emit_data", "emit_json", "emit_markdown", "emit_utf8"]


def emit(text: str) -> bool:
    """Print a ``text`` for people, without secrets; false when nobody reads it any more.

    A reader that went away (``| head``) is no error, and must not change the exit code.  Raises
    `UsageError` (OUTPUT_NOT_WRITABLE) when stdout cannot take it, a full disk for instance.
    """
    return emit_data(mask(text))


def emit_data(text: str) -> bool:
    """As `emit`, for a document: it was made of what has no secrets, and a number is a number."""
    return _written(partial(click.echo, text))


def emit_utf8(text: str) -> bool:
    """As `emit`, in UTF-8 whatever the locale's encoding is: for formats that declare it."""

    def write() -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(f"{text}\n".encode())
        sys.stdout.buffer.flush()

    return _written(write)


def emit_markdown(text: str) -> bool:
    """As `emit`; a terminal gets the report laid out for it, everything else UTF-8."""
    if not sys.stdout.isatty():
        return emit_utf8(mask(text))
    from socklat_gate.commands.terminal_view import terminal_text

    return emit(terminal_text(text))


def emit_json(document: Mapping[str, Any]) -> None:
    """Print strict JSON on stdout; raises as `emit`."""
    emit_data(json.dumps(document, indent=2, allow_nan=False))


def align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length as columns of text, one row a line; nothing is cut off."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _written(write: Callable[[], None]) -> bool:
    try:
        write()
    except BrokenPipeError:
        _silence_stdout()
        return False
    except OSError as error:
        _silence_stdout()
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"cannot write to the standard output: {error.strerror}",
            remedy="send it elsewhere, or free some space",
        ) from error
    return True


def _silence_stdout() -> None:
    """Let what is still buffered go nowhere: the interpreter would fail when it flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
