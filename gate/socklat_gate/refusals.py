"""What the system may refuse to any program: an error of the machine, and no defect."""

from __future__ import annotations

import errno

from socklat_gate.errors import Reason, UnfitEnvironment

__all__ = ["refusal_of"]

_REMEDIES = {
    errno.ENOSPC: "free space there, or set TMPDIR to a directory that has some",
    errno.EDQUOT: "free some of this user's quota, or set TMPDIR to another file system",
    errno.EROFS: "set TMPDIR to a directory that can be written",
    errno.EIO: "look at the system's log (dmesg): a disk or a network file system fails",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
    errno.EAGAIN: "raise the limit of processes (ulimit -u, or pids of the container)",
    errno.ENOMEM: "free some memory, or use a machine with more",
    errno.ENOBUFS: "free some memory, or use a machine with more",
}
_NO_THREAD = "can't start new thread"
_NO_PLACE = "No usable temporary directory"


def refusal_of(error: BaseException) -> UnfitEnvironment | None:
    """The `UnfitEnvironment` (NO_RESOURCES) that an error stands for; None for any other error."""
    number = _number(error)
    if number is None:
        return None
    name = getattr(error, "filename", None)
    what = (getattr(error, "strerror", None) or str(error)) if str(error) else "out of memory"
    return UnfitEnvironment(
        Reason.NO_RESOURCES,
        f"the system refused what this needs: {what}{f' ({name})' if name else ''}",
        remedy=_REMEDIES[number],
    )


def _number(error: BaseException) -> int | None:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return errno.EAGAIN
    if isinstance(error, FileNotFoundError) and _NO_PLACE in str(error):
        return errno.EROFS
    return error.errno if isinstance(error, OSError) and error.errno in _REMEDIES else None
