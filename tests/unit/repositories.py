"""Git repositories for tests, and campaigns' commits in them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Repository", "clone_of", "new_repository"]

SETTINGS = {"user.name": "x", "user.email": "x@x", "init.defaultBranch": "main"}


@dataclass(frozen=True)
class Repository:
    """A working tree with its repository."""

    path: Path

    def git(self, *arguments: str) -> str:
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        done = subprocess.run(
            ["git", *options, "-C", str(self.path), *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, text: str = "x", file: str = "code") -> str:
        """A commit that changes a file; its id."""
        (self.path / file).parent.mkdir(parents=True, exist_ok=True)
        (self.path / file).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", text)
        return self.git("rev-parse", "HEAD")

    def state(self) -> tuple[str, ...]:
        """Whatever a user of the repository could notice to have changed."""
        files = sorted(
            str(path.relative_to(self.path))
            for path in self.path.rglob("*")
            if path.name not in ("index", "logs")
        )
        return (
            self.git("rev-parse", "HEAD"),
            self.git("status", "--porcelain"),
            self.git("for-each-ref"),
            self.git("rev-parse", "--is-shallow-repository"),
            self.git("worktree", "list"),
            self.git("config", "--list", "--local"),
            *files,
        )


def new_repository(path: Path) -> Repository:
    """An empty repository with one commit on "main"."""
    path.mkdir(parents=True)
    made = Repository(path)
    made.git("init", "--quiet")
    made.commit("first")
    return made


def clone_of(repository: Repository, path: Path, *options: str) -> Repository:
    """A clone of it, as CI makes one with options such as ``--depth=1``."""
    # Only by its address does git make a shallow clone of a path.
    repository.git("clone", "--quiet", *options, f"file://{repository.path}", str(path))
    return Repository(path)
