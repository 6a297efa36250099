"""A process that outlives this one for a moment: it ends what was started, however this ended.

Nothing in a process can follow upon its own SIGKILL.  So another one waits for the end of a pipe
that only this one holds.  This file is also that other process: nothing of the package is there.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from types import TracebackType

__all__ = ["Keeper", "end_processes", "kept_processes"]

VARIABLE = "_SOCKLAT_RUN"
"""Set for what is kept, and inherited by all that it starts, in sessions of their own too."""

DONE = b"done"
LOOKS = 3
EVERY_S = 0.05
AT_MOST_S = 5.0


class Keeper:
    """Context manager: what is kept ends with this process, at the latest.

    What is started within gets `environment`; `keep` names the leaders of sessions, for those that
    pass on no environment, as sudo.  Leaving it kills what still runs.  One that throws its
    environment away goes on where this process is killed between its start and `keep`: for the time
    of a call, and no hook in the child is safe beside threads.
    """

    def __init__(self) -> None:
        self._mark = secrets.token_hex(8)
        self._sessions: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Variables of each process that is kept."""
        return {VARIABLE: self._mark}

    def __enter__(self) -> Keeper:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, self._mark],
            stdin=subprocess.PIPE,
            # A reader of this process's output must not wait for that process too.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A signal for this process's group is none for that one.
            start_new_session=True,
        )
        return self

    def keep(self, session: int) -> None:
        """The process with this id leads a session that is kept."""
        self._sessions.append(session)
        self._tell(b"%d" % session)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end_processes(self._sessions, self._mark)
        if self._process is None:
            return
        self._tell(DONE)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process = None

    def _tell(self, line: bytes) -> None:
        assert self._process is not None, "enter it first"
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()


def end_processes(sessions: Collection[int], mark: str, *, looks: int = 1) -> None:
    """Kill what `kept_processes` finds until it finds none ``looks`` times; for `AT_MOST_S`.

    One that was forked and not yet started shows neither session nor mark: whoever does not know
    that all are started looks several times.
    """
    until_s = time.monotonic() + AT_MOST_S
    left = looks
    while left and time.monotonic() < until_s:
        found = list(kept_processes(sessions, mark))
        left = looks if found else left - 1
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if left:
            time.sleep(EVERY_S)


def kept_processes(sessions: Collection[int], mark: str) -> Iterator[int]:
    """Processes of these sessions or with this mark that have not ended."""
    wanted = f"{VARIABLE}={mark}".encode()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with suppress(OSError):  # it ended meanwhile, or is another user's
            with open(f"/proc/{name}/stat", "rb") as file:
                # The name in parentheses may itself hold spaces and parentheses.
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] in (b"Z", b"X"):
                continue
            if int(fields[3]) in sessions:
                yield int(name)
                continue
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    yield int(name)


def _main() -> None:
    sessions: list[int] = []
    for line in sys.stdin.buffer:
        if line.strip() == DONE:
            return
        sessions.append(int(line))
    end_processes(sessions, sys.argv[1], looks=LOOKS)


if __name__ == "__main__":
    _main()
