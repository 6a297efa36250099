from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gate.job.commit import current_commit

HASH = "1f2e3d4c5b6a79880123456789abcdef01234567"


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(directory), "-c", "user.name=x", "-c", "user.email=x@x", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_commit_that_is_checked_out(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert current_commit(tmp_path) == git(tmp_path, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("given", "commit"), [(HASH, HASH), ("main; rm -rf /", "unknown"), ("", "unknown")]
)
def test_outside_of_a_repository_ci_says_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, commit: str
) -> None:
    monkeypatch.setenv("GITHUB_SHA", given)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert current_commit(tmp_path) == commit


def test_a_machine_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GITHUB_SHA", HASH)
    assert current_commit(tmp_path) == HASH
