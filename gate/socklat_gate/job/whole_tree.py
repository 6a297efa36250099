"""What ``git worktree add`` leaves out of another commit's sources: submodules, and LFS files.

Both arms must be built of whole sources, or both of the same gaps: an empty directory or a pointer
in one of them alone is a difference that no change made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import Done, git, remedy_for

__all__ = ["CHECKOUT_S", "complete_tree"]

CHECKOUT_S = 900.0
"""For a checkout, which may fetch large files."""

MAX_DEPTH = 10
MAX_POINTER_BYTES = 1024
POINTER = b"version https://git-lfs.github.com/spec/"
_LINK = re.compile(r"160000 ([0-9a-f]{40,64}) 0\t(.+)", re.DOTALL)
_HISTORY = (
    "fetch the submodule's whole history: git -C {path} fetch --unshallow origin (in GitHub "
    "Actions check out with submodules: recursive and fetch-depth: 0, in GitLab CI set "
    "GIT_SUBMODULE_DEPTH: 0)"
)


@dataclass(frozen=True, slots=True)
class _Tree:
    """A checked out commit at ``path``; ``here`` is the same repository as it is here today.

    ``extra`` are the variables by which git finds the checkout's index where it has no .git.
    """

    path: Path
    here: Path
    extra: Mapping[str, str]

    def git(self, *arguments: str, timeout_s: float = 120.0) -> Done:
        return git(self.path, *arguments, extra=self.extra, timeout_s=timeout_s)


def complete_tree(top: Path, tree: Path, indexes: Path, commit: str) -> None:
    """Fill in the submodules of ``tree``, the worktree of the repository at ``top``.

    They come from what is here of them: nothing is fetched, and their repositories are only read.
    One that is not checked out here is left out, as it is in the other arm.  ``indexes`` is an
    empty directory for git's use.  Raises `UsageError` (no_such_commit) for a submodule that cannot
    be had, and for LFS files that are pointers in one of both trees.
    """
    indexes.mkdir()
    main = _Tree(tree, top, {})
    _check_pointers(main, commit)
    _fill(main, indexes, commit, 0)


def _fill(tree: _Tree, indexes: Path, commit: str, depth: int) -> None:
    if depth > MAX_DEPTH or not (tree.path / ".gitmodules").is_file():
        return
    for link in _links(tree):
        wanted, path = link
        repository = _repository_of(tree, path)
        if repository is None:
            if not _is_link_today(tree, path):
                _refuse(
                    f"submodule {path!r} of commit {commit[:12]} is not here",
                    "fetch it in a step before (git submodule update --init at that commit), or "
                    "name the reference with --baseline-image",
                )
            continue
        extra = {
            "GIT_DIR": str(repository),
            "GIT_WORK_TREE": str(tree.path / path),
            "GIT_INDEX_FILE": str(indexes / str(len(os.listdir(indexes)))),
        }
        inner = _Tree(tree.path / path, tree.here / path, extra)
        inner.path.mkdir(parents=True, exist_ok=True)
        done = inner.git("read-tree", "--reset", "-u", wanted, timeout_s=CHECKOUT_S)
        if not done.ok:
            _refuse(
                f"submodule {path!r} cannot be checked out as of commit {commit[:12]}: {done.why}",
                remedy_for(done, inner.here, _HISTORY.format(path=path)),
            )
        _check_pointers(inner, commit)
        _fill(inner, indexes, commit, depth + 1)


def _links(tree: _Tree) -> Iterator[tuple[str, str]]:
    """Commit and path of each submodule."""
    for row in tree.git("ls-files", "--stage", "-z").rows:
        found = _LINK.fullmatch(row)
        if found:
            yield found[1], found[2]


def _repository_of(tree: _Tree, path: str) -> Path | None:
    """Where the objects of a submodule are here; None where it was never checked out."""
    here = tree.here / path
    if (here / ".git").exists():
        done = git(here, "rev-parse", "--absolute-git-dir")
        if not done.ok:
            _refuse(
                f"submodule {path!r} cannot be read: {done.why}",
                remedy_for(done, here, "check it out again: git submodule update --init"),
            )
        return Path(done.text)
    # A submodule that the change removes or moves: git keeps it by its name.
    names = tree.git("config", "--file", ".gitmodules", "-z", "--get-regexp", r"\.path$").rows
    common = git(tree.here, "rev-parse", "--git-common-dir")
    for key, _, value in (row.partition("\n") for row in names):
        name = key.removeprefix("submodule.").removesuffix(".path")
        kept = tree.here / common.text / "modules" / name
        if value == path and ".." not in Path(name).parts and (kept / "HEAD").is_file():
            return kept
    return None


def _is_link_today(tree: _Tree, path: str) -> bool:
    """Whether today's sources have the same submodule, and so the same empty directory."""
    return git(tree.here, "ls-files", "--stage", "--", path).text.startswith("160000 ")


def _check_pointers(tree: _Tree, commit: str) -> None:
    """Raises `UsageError` where LFS files were fetched for one of the arms alone."""
    names = tree.git("ls-files", "-z", "--", ":(attr:filter=lfs)").rows
    for name in names:
        there, here = _is_pointer(tree.path / name), _is_pointer(tree.here / name)
        if there is None or here is None or there == here:
            continue
        what, remedy = (
            (
                f"{name!r} of commit {commit[:12]} is an LFS pointer, the one here is not",
                "install git-lfs for the user that runs this (git lfs install), and fetch the "
                "files of that commit as well: git lfs fetch --all",
            )
            if there
            else (
                f"{name!r} is an LFS pointer here, and not so in commit {commit[:12]}",
                "fetch the files in a step before: git lfs pull (in GitHub Actions check out with "
                "lfs: true, in GitLab CI leave GIT_LFS_SKIP_SMUDGE unset)",
            )
        )
        _refuse(f"the arms would be built of different files: {what}", remedy)


def _is_pointer(file: Path) -> bool | None:
    """None where there is no such file."""
    try:
        if file.is_symlink() or not file.is_file():
            return None
        if file.stat().st_size > MAX_POINTER_BYTES:
            return False
        return file.read_bytes().startswith(POINTER)
    except OSError:
        return None


def _refuse(what: str, remedy: str) -> NoReturn:
    raise UsageError(Reason.NO_SUCH_COMMIT, what, remedy=remedy)
