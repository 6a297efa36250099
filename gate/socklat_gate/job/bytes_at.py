"""A file as another commit has it: by the name it is given, not by what that leads to here."""

from __future__ import annotations

import os
from pathlib import Path

from socklat_gate.ci_variables import fetch_all
from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import git, remedy_for

__all__ = ["bytes_at", "place_of"]

NOTHING = {b"missing", b"dangling", b"loop", b"notdir", b"symlink"}
"""What git says of a path that leads to no file of the commit."""


def bytes_at(path: Path, commit: str) -> bytes | None:
    """The file's content in ``commit``; None when it is not there.

    Links are followed as they are in that commit: a link that a change puts in the file's place, or
    in that of one of its directories, leads to no other file there.  Raises `UsageError`
    (no_such_commit) when git cannot tell.
    """
    top, name = place_of(path)
    asked = f"{commit}:{name}\n".encode("utf-8", "surrogateescape")
    done = git(top, "cat-file", "--batch", "--follow-symlinks", data=asked)
    header, _, rest = done.out.partition(b"\n")
    words = header.split(b" ")
    if done.ok and len(words) == 3 and words[1] == b"blob" and words[2].isdigit():
        return rest[: int(words[2])]
    if done.ok and (words[-1] in NOTHING or words[0] in NOTHING):
        return None
    why = done.why if not done.ok else header.decode("utf-8", "replace")[:80]
    raise UsageError(
        Reason.NO_SUCH_COMMIT,
        f"{path} cannot be read as it is in commit {commit[:12]}: {why}",
        remedy=remedy_for(done, top, fetch_all(os.environ)),
    )


def place_of(path: Path) -> tuple[Path, str]:
    """The working tree around a path, and the path in it as it is written."""
    written = Path(os.path.abspath(path))  # resolve() would follow links
    for parent in written.parents:
        if (parent / ".git").exists():
            return parent, written.relative_to(parent).as_posix()
    # The tree itself is reached through a link.
    directory = path.resolve().parent
    top = Path(git(directory, "rev-parse", "--show-toplevel").text or directory)
    return top, os.path.relpath(path.resolve(), top)
