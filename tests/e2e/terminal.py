"""A command on a terminal: what it shows while it runs, and what stays on the screen."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from pathlib import Path

from tests.e2e.done import Done

__all__ = ["Terminal", "screen"]

PATIENCE_S = 180.0
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A command that believes it writes to a terminal, and what it has shown there so far."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int, out: Path) -> None:
        self.process = process
        self.shown = ""
        self._fd = fd
        self._out = out

    def wait_for(self, text: str) -> None:
        """Return as soon as ``text`` was shown."""
        deadline_s = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < deadline_s, f"{text!r} never came:\n{self.shown}"
            assert self._read(), f"it ended before {text!r}:\n{self.shown}"

    def end(self) -> Done:
        """What it left when it has ended."""
        while self._read():
            pass
        code = self.process.wait(PATIENCE_S)
        os.close(self._fd)
        return Done(code, "", COLOUR.sub("", self.shown), self._out)

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 1.0)[0]:
            return True
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # how Linux says that the other end was closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


def screen(shown: str) -> list[str]:
    """Lines that are left on a terminal that was sent this, lines drawn over left out."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[?0-9;]*[A-Za-z]|\n|\r)", shown):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif not part.startswith(("\x1b", "\r")):
            lines[row] += part
    return [line for line in lines if line]
