"""The last lines of what a child wrote, for error messages."""

from __future__ import annotations

import os
from typing import IO

from socklat_gate import masking

__all__ = ["tail_of"]

MAX_BYTES = 4096
MAX_READ = 1 << 16
"""Masked before it is cut, else a part of a secret could stay."""
MAX_LINES = 12


def tail_of(output: IO[bytes]) -> str:
    """The last lines of a file without secrets; empty when it is."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - MAX_READ))
    text = masking.mask_cut(output.read().decode("utf-8", "replace"))
    output.seek(0, os.SEEK_END)
    lines = text[-MAX_BYTES:].strip().splitlines()[-MAX_LINES:]
    return "\n".join(lines)
