"""The last lines of what a child wrote, for error messages."""

from __future__ import annotations

import os
from typing import IO

__all__ = ["tail_of"]

MAX_BYTES = 4096
MAX_LINES = 12


def tail_of(output: IO[bytes]) -> str:
    """The last lines of a file, each on a line of its own after a colon; empty when it is."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - MAX_BYTES))
    lines = output.read().decode("utf-8", "replace").strip().splitlines()[-MAX_LINES:]
    output.seek(0, os.SEEK_END)
    return ":\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
