"""Programs of others that end with this process, even when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["Guarded"]

_START = 'read -r go && exec "$@" </dev/null'
_GUARD = 'read -r ended || kill -s KILL -- "-$1"'


class Guarded:
    """A program in a process group of its own, its stdin empty; `reap` it in the end.

    A shell waits at the other end of a pipe, whose end that this process holds is closed when it
    dies: then it kills the group.  The program itself begins once that shell is there.  ``options``
    are those of `subprocess.Popen`.  Raises `OSError` when no process can be started.
    """

    def __init__(self, argv: Sequence[str], **options: Any) -> None:
        shell = ["/bin/sh", "-c", _START, "sh", *argv]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            shell, stdin=subprocess.PIPE, start_new_session=True, **options
        )
        assert self.process.stdin is not None
        try:
            self._guard: subprocess.Popen[bytes] = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", str(self.process.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            self.process.stdin.close()  # it ends without having begun
            self.process.wait()
            raise
        with suppress(BrokenPipeError):
            self.process.stdin.write(b"go\n")
            self.process.stdin.close()

    def signal_group(self, number: signal.Signals) -> None:
        """A signal for the program and its children, as long as it was not reaped."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def reap(self) -> None:
        """Kill what is left of the group, and wait for the program's end."""
        self.signal_group(signal.SIGKILL)
        # Before the number is free for another group.
        assert self._guard.stdin is not None
        with suppress(BrokenPipeError):
            self._guard.stdin.write(b"ended\n")
            self._guard.stdin.close()
        self._guard.wait()
        self.process.wait()
