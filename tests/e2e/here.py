"""The command called in the test's own process: the same code from arguments to exit code."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from socklat_gate.cli import main

__all__ = ["call_here"]


def call_here(
    words: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> tuple[int, str, str]:
    """Calls ``socklat-gate WORDS`` in a directory; returns exit code, stdout and stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with _inside(directory, environment), redirect_stdout(out), redirect_stderr(err):
        try:
            main(words)
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int), code
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return int(code), stdout, stderr


@contextmanager
def _inside(directory: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """This process with another working directory, environment and place for temporary files."""
    before, kept = Path.cwd(), dict(os.environ)
    os.chdir(directory)
    _replace_environment(environment)
    tempfile.tempdir = None  # it is looked up again
    try:
        yield
    finally:
        os.chdir(before)
        _replace_environment(kept)
        tempfile.tempdir = None


def _replace_environment(wanted: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)
