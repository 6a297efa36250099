from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from socklat_gate.job.commit import current_branch, current_commit, landing_branch

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


def test_changed_files_make_the_commit_another_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "code").write_text("x")
    git(tmp_path, "add", "code")
    git(tmp_path, "commit", "-q", "-m", "x")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "report.md").write_text("what git does not track is no change")
    assert current_commit(tmp_path) == head
    (tmp_path / "code").write_text("y")
    assert current_commit(tmp_path) == f"{head}-dirty"


def test_the_branch_that_is_checked_out_or_that_ci_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_HEAD_REF", raising=False)
    monkeypatch.delenv("GITHUB_REF", raising=False)
    git(tmp_path, "init", "-q", "-b", "release/1")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert current_branch(tmp_path) == "release/1"
    git(tmp_path, "checkout", "-q", "--detach")
    assert current_branch(tmp_path) == ""
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    assert current_branch(tmp_path) == "main"
    monkeypatch.setenv("GITHUB_REF", "refs/tags/v1")
    assert current_branch(tmp_path) == ""
    monkeypatch.setenv("GITHUB_HEAD_REF", "feature")
    assert current_branch(tmp_path) == "feature"
    monkeypatch.setenv("GITHUB_HEAD_REF", "x\n::error::")
    assert current_branch(tmp_path) == ""


@pytest.mark.parametrize("name", ["feat/ünï", "a,b", "fix(api)", "user@work", "日本語", "x" * 200])
def test_any_branch_that_git_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    git(tmp_path, "init", "-q", "-b", name)
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert current_branch(tmp_path) == name
    git(tmp_path, "checkout", "-q", "--detach")
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_COMMIT_BRANCH", name)
    assert current_branch(tmp_path) == name


def test_a_pull_request_that_ci_checks_out_under_its_targets_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    for name, value in {
        "DRONE": "true",
        "DRONE_BRANCH": "main",
        "DRONE_SOURCE_BRANCH": "topic",
        "DRONE_TARGET_BRANCH": "main",
    }.items():
        monkeypatch.setenv(name, value)
    assert current_branch(tmp_path) == "main"
    monkeypatch.setenv("DRONE_PULL_REQUEST", "7")
    assert current_branch(tmp_path) == "topic"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a clone away")
def test_what_git_does_not_read_may_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    os.chown(tmp_path, 12345, 12345)
    assert current_commit(tmp_path) == "unknown"
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_COMMIT_SHA", HASH)
    assert current_commit(tmp_path) == f"{HASH}-dirty"


@pytest.mark.parametrize("target", ["main", "release/v1", "gh-readonly-queue/x/pr-1-y"])
def test_what_a_merge_queue_tries_is_of_the_branch_that_it_becomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.delenv("GITHUB_HEAD_REF", raising=False)
    queued = f"gh-readonly-queue/{target}/pr-104-{HASH}"
    monkeypatch.setenv("GITHUB_REF", f"refs/heads/{queued}")
    assert current_branch(tmp_path) == target
    # actions/checkout makes a branch of that name.
    git(tmp_path, "init", "-q", "-b", queued)
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert current_branch(tmp_path) == target


@pytest.mark.parametrize(
    "branch", ["", "main", "gh-readonly-queue/main", f"x/gh-readonly-queue/main/pr-1-{HASH}"]
)
def test_any_other_branch_is_itself(branch: str) -> None:
    assert landing_branch(branch) == branch
