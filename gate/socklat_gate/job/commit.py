"""Which commit is being measured, and of which branch."""

from __future__ import annotations

import os
import re
from pathlib import Path

from socklat_gate.git import COMMIT, git

__all__ = ["DIRTY", "UNKNOWN", "current_branch", "current_commit", "landing_branch"]

DIRTY = "-dirty"
"""What a commit's id ends in when files that git tracks differ from it."""

UNKNOWN = "unknown"

TIMEOUT_S = 10.0

_QUEUED = re.compile(r"gh-readonly-queue/(.+)/pr-\d+-[0-9a-f]{40,64}")
_BRANCH = re.compile(r"[\w./+@#-]{1,200}")


def current_commit(directory: Path) -> str:
    """Id of the commit checked out at ``directory``, else CI's GITHUB_SHA, else "unknown".

    It ends in `DIRTY` when tracked files were changed since, or when that is unknown.
    """
    found = git(directory, "rev-parse", "HEAD", timeout_s=TIMEOUT_S)
    if not (found.ok and COMMIT.fullmatch(found.text)):
        given = os.environ.get("GITHUB_SHA", "")
        return given if COMMIT.fullmatch(given) else UNKNOWN
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
    """The branch checked out at ``directory``, else the one that CI names; "" without either."""
    found = git(directory, "symbolic-ref", "--short", "--quiet", "HEAD", timeout_s=TIMEOUT_S).text
    if not found:
        # CI checks a commit out.  Of a pull request the branch it comes from.
        ref = os.environ.get("GITHUB_REF", "")
        pushed = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
        found = os.environ.get("GITHUB_HEAD_REF", "") or pushed
    found = landing_branch(found)
    return found if _BRANCH.fullmatch(found) else ""


def landing_branch(branch: str) -> str:
    """The branch itself; of one that a merge queue made, the one that it becomes.

    Such a branch lives for minutes, and its commit is the other's next one.
    """
    queued = _QUEUED.fullmatch(branch)
    return queued[1] if queued else branch
