"""A step's output to its runner: outputs, a summary, annotations, untrusted parts of the log.

A workflow command is a line ``::name key=value::message``; an output goes to a file, between
delimiters.  Text from outside can form neither, since all of it passes through here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.exit_policy import Level
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["MAX_SUMMARY_BYTES", "Runner"]

MAX_SUMMARY_BYTES = 1 << 20
"""Of one step's summary: the runner shows nothing of a longer one."""

MAX_MESSAGE = 1000
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner's files and its log; a file is None where there is no runner, on a laptop say.

    ``log`` is what the runner reads commands from: the step's standard output.
    """

    log: TextIO
    output: Path | None
    summary: Path | None

    @classmethod
    def of(cls, environment: Mapping[str, str], log: TextIO) -> Runner:
        """The runner that set these environment variables."""
        output, summary = (
            Path(name) if name else None
            for name in map(environment.get, ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"))
        )
        return cls(log, output, summary)

    def directory_for_steps(self, environment: Mapping[str, str]) -> Path | None:
        """Where files go that later steps read, and that go away with the job.

        None where no step follows, so that nobody would read or remove them.
        """
        if given := environment.get("RUNNER_TEMP"):
            return Path(given)
        return self.output.parent if self.output else None

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """Set outputs of this step; a value may have any characters and lines.

        Raises `UsageError` (OUTPUT_NOT_WRITABLE).
        """
        for name, value in values.items():
            # Whoever cannot foresee the delimiter cannot end the value and begin another output.
            end = f"end-{secrets.token_hex(16)}"
            _append(self.output, f"{name}<<{end}\n{value}\n{end}\n")

    def summary_room(self) -> int:
        """How many bytes the step's summary still takes."""
        if self.summary is None or not self.summary.exists():
            return MAX_SUMMARY_BYTES
        return max(0, MAX_SUMMARY_BYTES - self.summary.stat().st_size)

    def add_summary(self, markdown: str) -> None:
        """Append to the step's summary; at most `summary_room` bytes, or none of it appears.

        Raises `UsageError` (OUTPUT_NOT_WRITABLE).
        """
        _append(self.summary, markdown)

    def annotate(self, level: Level, title: str, message: str) -> None:
        """Show a message at the head of the run; text from outside stays one line of text."""
        escaped = _in_property(one_line(title, MAX_TITLE))
        self._write(f"::{level} title={escaped}::{_in_data(one_line(message, MAX_MESSAGE))}")

    @contextmanager
    def untrusted_output(self, group: str) -> Iterator[None]:
        """Within it, what others write to the log commands nothing; as a group."""
        token = secrets.token_hex(16)
        self._write(f"::group::{_in_data(one_line(group, MAX_TITLE))}")
        self._write(f"::stop-commands::{token}")
        try:
            yield
        finally:
            # The line before may have no end, and a command counts at the start of a line only.
            self._write(f"\n::{token}::")
            self._write("::endgroup::")

    def _write(self, line: str) -> None:
        self.log.write(line + "\n")
        self.log.flush()


def _append(file: Path | None, text: str) -> None:
    if file is None:
        return
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"cannot write {file}: {error.strerror}",
            remedy="leave GITHUB_OUTPUT and GITHUB_STEP_SUMMARY as the runner sets them",
        ) from error


def _in_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _in_property(text: str) -> str:
    return _in_data(text).replace(":", "%3A").replace(",", "%2C")
