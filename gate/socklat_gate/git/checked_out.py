"""What is checked out in a directory, and of which commit it was made."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from socklat_gate.git.command import COMMIT, git

__all__ = ["CheckedOut"]

PULL = re.compile(r"/pull/([1-9][0-9]*)(?:/(?:head|merge))?$", re.MULTILINE)
PARENT = re.compile(r"^parent (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class CheckedOut:
    """The commit that is checked out at ``directory``, as git has it."""

    directory: Path

    @classmethod
    def around(cls, file: Path | None) -> CheckedOut:
        """What a file is in; that of the directory here, where its own is not there."""
        return cls(file.parent if file and file.parent.is_dir() else Path())

    @cached_property
    def head(self) -> str:
        """Its id; empty where git does not tell."""
        found = git(self.directory, "rev-parse", "HEAD")
        return found.text if found.ok and COMMIT.fullmatch(found.text) else ""

    @cached_property
    def parents(self) -> list[str]:
        """Those that the commit names, also where a shallow clone does not have them."""
        text = git(self.directory, "cat-file", "commit", "HEAD").text
        return PARENT.findall(text.partition("\n\n")[0])

    @cached_property
    def published(self) -> bool:
        """Whether it came from a remote, rather than being made here."""
        places = ("refs/remotes", "refs/tags")
        return bool(git(self.directory, "for-each-ref", "--points-at", "HEAD", *places).text)

    @cached_property
    def pull_requests(self) -> list[str]:
        """Numbers of those that it was fetched as, by the refs that a checkout gives it."""
        names = ("refs/remotes/pull", "refs/pull", "refs/remotes/origin/pull")
        refs = git(self.directory, "for-each-ref", "--points-at", "HEAD", *names).text
        return PULL.findall(refs)

    @cached_property
    def branches(self) -> list[str]:
        """Branches of the remote "origin" that are at it."""
        options = ("--points-at", "HEAD", "--format=%(refname)")
        names = git(self.directory, "for-each-ref", *options, "refs/remotes/origin").text.split()
        return [name for name in names if "/origin/pull/" not in name]

    @cached_property
    def remotes(self) -> list[str]:
        """The addresses of its remotes."""
        rows = git(self.directory, "config", "-z", "--get-regexp", r"^remote\..*\.url$").rows
        return [row.partition("\n")[2] for row in rows]

    def knows(self, commit: str) -> bool:
        """Whether its repository has a commit."""
        return git(self.directory, "cat-file", "-e", f"{commit}^{{commit}}").ok

    def is_merge_of(self, commits: Collection[str]) -> bool:
        """Whether one of these was merged, as a code host merges what it was asked to pull.

        A merge with main that somebody pushed has the branch itself as its first parent.
        """
        return any(commit in self.parents[1:] for commit in commits)

    def is_made_of(self, commits: Collection[str]) -> bool:
        """Whether a job committed it here, upon one of these."""
        return any(commit in self.parents for commit in commits) and not self.published
