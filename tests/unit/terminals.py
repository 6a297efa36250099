"""A pseudo-terminal of a given width, for commands that lay their output out for one."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

__all__ = ["shown_on_a_terminal"]

GATE = Path(__file__).resolve().parents[2] / "gate"


def shown_on_a_terminal(
    *arguments: str, columns: int = 80, **environment: str
) -> tuple[int, str, str]:
    """Exit code, what the terminal got on stdout, and stderr (a pipe)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "socklat_gate", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={
            **{name: value for name, value in os.environ.items() if name != "COLUMNS"},
            "PYTHONPATH": str(GATE),
            "TERM": "xterm",
            **environment,
        },
        cwd="/",
    )
    os.close(theirs)
    found = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # how Linux says that the other end was closed
            break
        found += data
    os.close(ours)
    _, errors = process.communicate(timeout=60)
    return process.returncode, found.decode().replace("\r\n", "\n"), errors.decode()
