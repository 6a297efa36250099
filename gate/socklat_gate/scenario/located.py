"""Where in a scenario something is wrong, and where the files that it names are."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from socklat_gate.scenario.secret import DIRECTORY

__all__ = ["LOCATED", "is_file", "problem_at", "read_file"]

LOCATED = "located"
"""Type of a problem whose place is further in than the model that was validated."""


def problem_at(text: str, *where: str | int) -> PydanticCustomError:
    """What is wrong at ``where``, counted from the model whose validator raises it."""
    return PydanticCustomError(LOCATED, "{text}", {"text": text, "where": where})


def is_file(path: Path) -> bool:
    """Whether it is one; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_file(name: str, info: ValidationInfo, most: int) -> bytes:
    """What is in a file that a key names, from the scenario's directory on.

    Raises `ValueError` when it cannot be read or has more than ``most`` bytes.
    """
    directory = Path((info.context or {}).get(DIRECTORY) or ".")
    try:
        with (directory / name).open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # the latter for a name with a null byte
        cause = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{name} cannot be read in the scenario's directory: {cause}") from None
    if len(content) > most:
        raise ValueError(f"{name} has more than {most} bytes")
    return content
