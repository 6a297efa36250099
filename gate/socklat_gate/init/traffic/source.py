"""A source of proposed requests, and how a file that it cannot use is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.traffic.proposal import Proposal

__all__ = ["FileProblem", "OnBytes", "TrafficSource", "open_source", "refuse"]

OnBytes = Callable[[int], None]
"""Called with the number of bytes read so far."""


@dataclass(frozen=True, slots=True)
class TrafficSource:
    """One kind of file: ``option`` of `init` names it, ``read`` makes a proposal of a file.

    ``read`` gets the path, the most requests to propose, and what to call with its progress.  It
    raises `UsageError` (NO_SUCH_FILE, BAD_TRAFFIC_FILE) that names file, line and remedy.
    """

    option: str
    read: Callable[[Path, int, OnBytes], Proposal]

    @property
    def parameter(self) -> str:
        """The option's name as a parameter of Python."""
        return self.option.lstrip("-").replace("-", "_")


class FileProblem(Exception):
    """What is wrong in a file, in words; at ``line``, from 1, if that is known."""

    def __init__(self, text: str, remedy: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy
        self.line = line


def refuse(path: Path, problem: FileProblem) -> UsageError:
    """The error for a problem of a file."""
    place = f"{path}:{problem.line}" if problem.line else str(path)
    return UsageError(Reason.BAD_TRAFFIC_FILE, f"{place}: {problem.text}", remedy=problem.remedy)


def open_source(path: Path) -> IO[bytes]:
    """The file for reading.  Raises `UsageError` (NO_SUCH_FILE)."""
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "it is no file" if path.exists() else "it is not there")
        return path.open("rb")
    except OSError as error:
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"{path} cannot be read: {error.strerror or error}",
            remedy="give the path of a file that this user may read",
        ) from None
