"""The sources as of another commit, for as long as an image is built from them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import git
from socklat_gate.interrupt import defer_signals

__all__ = ["sources_at"]


@contextmanager
def sources_at(directory: Path, commit: str) -> Iterator[Path]:
    """``directory`` as it is in ``commit``, in a temporary git worktree that is removed afterwards.

    Submodules are not checked out.  Raises `UsageError` (no_such_commit) when git cannot.
    """
    inner = git(directory, "rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory(prefix="socklat-gate-") as home:
        tree = Path(home) / "sources"
        try:
            made = git(directory, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            failed = made if inner.ok else inner
            if not failed.ok:
                raise UsageError(
                    Reason.NO_SUCH_COMMIT,
                    f"commit {commit[:12]} cannot be checked out: {failed.why}",
                    remedy="fetch the whole history: in GitHub Actions check out with "
                    "fetch-depth: 0",
                )
            yield tree / inner.text
        finally:
            # Also what an interrupted "add" left; the repository must not go on knowing it.
            with defer_signals():
                git(directory, "worktree", "remove", "--force", "--force", str(tree))
