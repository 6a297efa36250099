"""Waits for the end of a process, whether or not it is a child of this one."""

from __future__ import annotations

import os
import select
from types import TracebackType

from socklat_gate.errors import Reason, UsageError

__all__ = ["Lifetime"]


class Lifetime:
    """Of the process ``pid``; 0 stands for something that never ends, a port of the host.

    A context manager.  Holds a descriptor of the process: it treats a zombie as ended, is not
    fooled by a number used again, and needs no capability.  Raises `UsageError` when there is no
    such process, or when it is a thread.
    """

    def __init__(self, pid: int) -> None:
        self._end = select.poll()
        self._fd = -1
        if not pid:
            return
        try:
            self._fd = os.pidfd_open(pid)
        except OSError as error:
            gone = isinstance(error, ProcessLookupError)
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"process {pid} has ended"
                if gone
                else f"{pid} is no process that can be waited for: {error.strerror}",
                remedy="give the id of a running process, not of one of its threads",
            ) from None
        self._end.register(self._fd, select.POLLIN)

    def wait(self, at_most_s: float) -> bool:
        """Whether it has ended, at once when it does and after ``at_most_s`` at the latest."""
        return bool(self._end.poll(max(0.0, at_most_s) * 1e3))

    def __enter__(self) -> Lifetime:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
