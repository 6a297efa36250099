"""What to do about a failure of git, by what git itself says of it."""

from __future__ import annotations

import re
from pathlib import Path

from socklat_gate.git.command import NOT_INSTALLED, TIMED_OUT, Done

__all__ = ["DUBIOUS", "remedy_for"]

DUBIOUS = "dubious ownership"
"""What git says of a clone that is another user's; its words are in English here."""

_PLACE = re.compile(r"dubious ownership in repository at '([^'\n]+)'")

_REMEDIES = (
    (
        r"not a git repository",
        "run it in a clone; where only a part of one is mounted, mount all of it, and of a linked "
        "worktree also the repository that its .git file names",
    ),
    (
        r"promisor remote|lazy fetch|partial clone",
        "this clone is partial: let git fetch what is missing (keep the credentials of the "
        "checkout; in GitHub Actions persist-credentials: true), or clone without --filter",
    ),
    (
        r"git-lfs|\blfs\b",
        "install git-lfs for the user that runs this, and fetch the files of that commit as well: "
        "git lfs fetch --all (in GitHub Actions check out with lfs: true)",
    ),
    (
        r"smudge filter|external filter|filter-process",
        "make the filter that .gitattributes names work for the user that runs this",
    ),
    (
        r"could not read Username|could not read Password|Authentication failed"
        r"|Permission denied \(publickey|Host key verification failed|terminal prompts disabled",
        "let git reach the remote without a prompt: give the job read access and keep the "
        "credentials of the checkout",
    ),
    (
        r"Could not resolve|unable to access|Connection (?:refused|reset|timed out)"
        r"|unable to connect|Could not read from remote",
        "check that this machine reaches the remote, and its proxy",
    ),
    (r"No space left|Disk quota", "free some space for temporary files, or set TMPDIR"),
    (
        r"Permission denied|Read-only file system|insufficient permission",
        "run it as the user that owns the clone, and let that user write to its .git directory",
    ),
    (r"\.lock'|another git process", "wait until no other git runs in this clone"),
)


def remedy_for(done: Done, directory: Path, otherwise: str) -> str:
    """What to do about a command in ``directory`` that failed.

    ``otherwise`` where git's words name no cause that is known here.
    """
    if done.code == NOT_INSTALLED:
        return "install git"
    if DUBIOUS in done.error:
        named = _PLACE.search(done.error)
        place = named[1] if named else str(directory)
        return (
            f"git config --global --add safe.directory {place}, as the user that runs this, or "
            "give the clone to that user"
        )
    if done.code == TIMED_OUT and "longer than" in done.error:
        return "check that this machine reaches the remote; fetch in a step before, without a limit"
    text = f"{done.error}\n{done.text}"
    return next((then for found, then in _REMEDIES if re.search(found, text)), otherwise)
