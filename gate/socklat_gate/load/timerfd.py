"""A timer that fires at an absolute time with the precision of the kernel's high-resolution timers.

asyncio rounds its own timers to milliseconds; a timerfd wakes the loop like any socket does.
`os.timerfd_create` exists from Python 3.13 only, hence ctypes.  See timerfd_create(2).
"""

from __future__ import annotations

import ctypes
import os
import time

__all__ = ["TimerFd"]

_TFD_CLOEXEC = os.O_CLOEXEC
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_TIMER_ABSTIME = 1


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


_libc = ctypes.CDLL(None, use_errno=True)


class TimerFd:
    """One-shot timer on CLOCK_MONOTONIC; ``fd`` is readable from the set time on.

    Raises `OSError` when the kernel refuses.
    """

    def __init__(self) -> None:
        self.fd = _libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_CLOEXEC | _TFD_NONBLOCK)
        if self.fd < 0:
            raise _last_error()
        self._spec = _Itimerspec()
        self._value = self._spec.it_value
        self._pointer = ctypes.byref(self._spec)

    def set(self, at_ns: int) -> None:
        """Fire at ``at_ns`` (at once when that is past); forgets an earlier firing, read or not."""
        self._value.tv_sec, self._value.tv_nsec = divmod(at_ns, 1_000_000_000)
        if _libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, self._pointer, None) != 0:
            raise _last_error()

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _last_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
