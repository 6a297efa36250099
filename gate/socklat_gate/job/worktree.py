"""The sources as of another commit, for as long as an image is built from them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socklat_gate.ci_variables import fetch_all
from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import git, remedy_for
from socklat_gate.interrupt import defer_signals
from socklat_gate.job.whole_tree import CHECKOUT_S, complete_tree

__all__ = ["sources_at"]


@contextmanager
def sources_at(directory: Path, commit: str) -> Iterator[Path]:
    """``directory`` as it is in ``commit``, in a temporary git worktree that is removed afterwards.

    With its submodules as far as they are checked out here.  Raises `UsageError` (no_such_commit)
    with git's own words when it cannot be had whole.
    """
    inner = git(directory, "rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory(prefix="socklat-gate-") as home:
        tree = Path(home) / "sources"
        try:
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
            complete_tree(top, tree, Path(home) / "indexes", commit)
            yield tree / inner.text
        finally:
            # Also what an interrupted "add" left; the repository must not go on knowing it.
            with defer_signals():
                git(directory, "worktree", "remove", "--force", "--force", str(tree))
