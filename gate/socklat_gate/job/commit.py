"""Which commit is being measured, and of which branch."""

from __future__ import annotations

import os
from pathlib import Path

from socklat_gate.ci_variables import ci_run, queued_for
from socklat_gate.git import COMMIT, DUBIOUS, git, is_branch

__all__ = ["DIRTY", "UNKNOWN", "current_branch", "current_commit", "landing_branch"]

DIRTY = "-dirty"
"""What a commit's id ends in when files that git tracks differ from it."""

UNKNOWN = "unknown"

TIMEOUT_S = 10.0


def current_commit(directory: Path) -> str:
    """Id of the commit checked out at ``directory``, else the one that CI names, else "unknown".

    It ends in `DIRTY` when tracked files were changed since, or when that is unknown.
    """
    found = git(directory, "rev-parse", "HEAD", timeout_s=TIMEOUT_S)
    if not (found.ok and COMMIT.fullmatch(found.text)):
        given = ci_run(os.environ).commit or UNKNOWN
        # Files are there that nobody could compare with the commit.
        return given + DIRTY if DUBIOUS in found.error and given != UNKNOWN else given
    # Without optional locks the user's index is not written.
    changed = git(
        directory,
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--untracked-files=no",
        timeout_s=TIMEOUT_S,
    )
    return found.text if changed.ok and not changed.text else found.text + DIRTY


def current_branch(directory: Path) -> str:
    """The branch checked out at ``directory``, else the one that CI names; "" without either.

    Of a pull request it is the one that the code comes from: some CI checks that out under the
    target branch's name.  Of a merge queue it is the branch that the code is to become.
    """
    found = git(directory, "symbolic-ref", "--short", "--quiet", "HEAD", timeout_s=TIMEOUT_S).text
    run = ci_run(os.environ)
    if not found or (run.number and found == run.target):
        found = run.branch
    found = landing_branch(found)
    return found if is_branch(found) else ""


def landing_branch(branch: str) -> str:
    """The branch itself; of one that a merge queue made, the one that it becomes.

    Such a branch lives for minutes, and its commit is the other's next one.
    """
    return queued_for(branch) or branch
