"""The sources as of another commit, for as long as an image is built from them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from socklat_gate.ci_variables import fetch_all
from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import git, remedy_for
from socklat_gate.interrupt import defer_signals
from socklat_gate.job.whole_tree import CHECKOUT_S, complete_tree
from socklat_gate.scratch import ScratchDirectory, remove_abandoned

__all__ = ["remove_abandoned_sources", "sources_at"]

TREE, REPOSITORY = "sources", "repository"


@contextmanager
def sources_at(directory: Path, commit: str) -> Iterator[Path]:
    """``directory`` as it is in ``commit``, in a temporary git worktree that is removed afterwards.

    With its submodules as far as they are checked out here.  Raises `UsageError` (no_such_commit)
    with git's own words when it cannot be had whole.
    """
    inner = git(directory, "rev-parse", "--show-prefix")
    with ScratchDirectory(for_builds=True) as home:
        tree = home / TREE
        try:
            # For whoever finds the directory when this process was killed.
            (home / REPOSITORY).write_text(str(directory.resolve()), encoding="utf-8")
            made = git(
                directory,
                *("worktree", "add", "--quiet", "--detach", str(tree), commit),
                timeout_s=CHECKOUT_S,
            )
            failed = made if inner.ok else inner
            if not failed.ok:
                raise UsageError(
                    Reason.NO_SUCH_COMMIT,
                    f"commit {commit[:12]} cannot be checked out: {failed.why}",
                    remedy=remedy_for(failed, directory, fetch_all(os.environ)),
                )
            top = Path(git(directory, "rev-parse", "--show-toplevel").text)
            complete_tree(top, tree, home / "indexes", commit)
            yield tree / inner.text
        finally:
            # Also what an interrupted "add" left; the repository must not go on knowing it.
            with defer_signals():
                _remove(directory, tree)


def remove_abandoned_sources() -> None:
    """Remove scratch directories of processes that were killed, with the worktrees in them."""
    remove_abandoned(_remove_worktree)


def _remove_worktree(home: Path) -> None:
    """The repository must not go on knowing it."""
    with suppress(OSError, UnicodeDecodeError):
        repository = Path((home / REPOSITORY).read_text(encoding="utf-8"))
        # git removes no half of one, but it does forget one that is gone.
        shutil.rmtree(home / TREE, ignore_errors=True)
        _remove(repository, home / TREE)


def _remove(directory: Path, tree: Path) -> None:
    git(directory, "worktree", "remove", "--force", "--force", str(tree))
    common = git(directory, "rev-parse", "--git-common-dir").text
    if common:
        # Which git leaves empty where it could not add one.
        with suppress(OSError):
            (directory / common / "worktrees").rmdir()
