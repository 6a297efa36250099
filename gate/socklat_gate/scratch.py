"""Temporary directories that the next start can tell from those still in use, and removes.

Whoever made one holds a lock on it for as long as it lives; the kernel takes it back from a process
that was killed, whatever PID namespace or container that was in.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from socklat_gate.interrupt import defer_signals
from socklat_gate.invoker import invoker

__all__ = ["ScratchDirectory", "is_locked_and_there", "lock_if_free", "remove_abandoned"]

PREFIX = "socklat-gate-tmp-"


class ScratchDirectory:
    """A new directory, only for this user; removed by `cleanup`, or as a context manager.

    ``for_builds``: under sudo the group of who called it may look into it, as builds are theirs.

    Raises `OSError` when it cannot be made.
    """

    def __init__(self, *, for_builds: bool = False) -> None:
        with defer_signals():
            self.path, lock = _make()
            # A signal that comes before anybody has the object removes it all the same.
            self._end = weakref.finalize(self, _remove, self.path, lock)
            user = invoker() if for_builds else None
            if user is not None:
                os.chown(self.path, -1, user.gid)
                self.path.chmod(0o750)

    def cleanup(self) -> None:
        """Remove it with all that is in it; harmless when called twice."""
        with defer_signals():
            self._end()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cleanup()


def _make() -> tuple[Path, int]:
    """A directory, and a descriptor whose lock is held."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            if is_locked_and_there(lock, path):
                return path, lock
            os.close(lock)


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def remove_abandoned(before: Callable[[Path], object]) -> list[Path]:
    """Remove this user's scratch directories whose process is gone; which they were.

    ``before`` is called with each, for what outside of it belongs to it.
    """
    gone: list[Path] = []
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError:  # there is none: what needs one will say so
        return gone
    for path in sorted(place.glob(f"{PREFIX}*")):
        with suppress(OSError):
            ours = path.lstat().st_uid == os.geteuid()
            lock = lock_if_free(path) if ours else None
            if lock is None:
                continue
            try:
                before(path)
                shutil.rmtree(path, ignore_errors=True)
                gone.append(path)
            finally:
                os.close(lock)
    return gone


def is_locked_and_there(handle: int, path: Path) -> bool:
    """Locks what was just made at ``path`` and opened; false when somebody removed it meanwhile.

    Where nothing can be locked, nobody removes it either.
    """
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def lock_if_free(path: Path) -> int | None:
    """A descriptor that holds the lock of a file or directory, which ends with it.

    None while another process holds it, for a symbolic link, and where nothing can be locked.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
