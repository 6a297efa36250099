"""The sources as of another commit, for as long as an image is built from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import git
from socklat_gate.interrupt import defer_signals
from socklat_gate.service.own_directories import (
    dead_directories,
    is_dead_directory,
    own_directory,
    remove_directory,
)

__all__ = ["sources_at", "sweep_checkouts"]

SOURCES = "sources"


@contextmanager
def sources_at(directory: Path, commit: str) -> Iterator[Path]:
    """``directory`` as it is in ``commit``, in a temporary git worktree that is removed afterwards.

    Submodules are not checked out.  Raises `UsageError` (no_such_commit) when git cannot.
    """
    inner = git(directory, "rev-parse", "--show-prefix")
    _forget_dead(directory)
    with own_directory() as home:
        tree = home / SOURCES
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
                _forget(directory, tree)


def sweep_checkouts() -> list[str]:
    """Remove what jobs that were killed have checked out, from disk and from its repository.

    Returns the names of the directories.
    """
    removed = []
    for home in dead_directories():
        tree = home / SOURCES
        repository = _repository_of(tree)
        remove_directory(home)
        if repository is not None:
            _forget(repository, tree)
        if not home.exists():
            removed.append(home.name)
    return removed


def _forget_dead(directory: Path) -> None:
    """What one that was killed had begun to check out: only the repository knows of it then."""
    for row in git(directory, "worktree", "list", "--porcelain", "-z").rows:
        if row.startswith("worktree "):
            tree = Path(row.removeprefix("worktree "))
            if is_dead_directory(tree.parent):
                remove_directory(tree.parent)
                _forget(directory, tree)


def _forget(repository: Path, tree: Path) -> None:
    git(repository, "worktree", "remove", "--force", "--force", str(tree))


def _repository_of(tree: Path) -> Path | None:
    """Where the repository of a worktree is; None where that was not written yet."""
    try:
        text = (tree / ".git").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    place = Path(text.removeprefix("gitdir:").strip())
    # .git/worktrees/NAME
    return place.parents[1] if place.is_absolute() and len(place.parents) > 1 else None
