"""What git itself says of a failure decides what the remedy is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from socklat_gate.git import Done, git, remedy_for
from tests.unit.repositories import clone_of, new_repository

OTHERWISE = "fetch the whole history"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


def remedy(done: Done, directory: Path) -> str:
    assert not done.ok
    return remedy_for(done, directory, OTHERWISE)


def of(error: str) -> str:
    return remedy_for(Done(128, b"", error), Path("/clone"), OTHERWISE)


def test_a_clone_of_another_user(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a clone away")
    clone = new_repository(tmp_path / "clone")
    os.chown(clone.path, 12345, 12345)
    done = git(clone.path, "rev-parse", "HEAD")
    assert "dubious ownership" in done.why
    assert f"--add safe.directory {clone.path}," in remedy(done, clone.path)


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "run it in a clone" in remedy(git(tmp_path, "rev-parse", "HEAD"), tmp_path)
    (tmp_path / ".git").write_text("gitdir: /elsewhere/.git/worktrees/x\n")
    assert "linked worktree" in remedy(git(tmp_path, "rev-parse", "HEAD"), tmp_path)


def test_a_partial_clone_that_cannot_fetch(tmp_path: Path) -> None:
    origin = new_repository(tmp_path / "origin")
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.commit("old", "large")
    origin.commit("new", "large")
    clone = clone_of(origin, tmp_path / "clone", "--filter=blob:none")
    origin.path.rename(tmp_path / "gone")
    done = git(clone.path, "cat-file", "-p", "HEAD~1:large")
    assert "persist-credentials: true" in remedy(done, clone.path)


def test_a_filter_that_fails(tmp_path: Path) -> None:
    clone = new_repository(tmp_path / "clone")
    clone.commit("*.bin filter=lfs -text", ".gitattributes")
    clone.commit("pointer", "data.bin")
    for name in ("smudge", "clean", "process"):
        clone.git("config", f"filter.lfs.{name}", f"git-lfs-that-is-not-there {name}")
    clone.git("config", "filter.lfs.required", "true")
    done = git(clone.path, "worktree", "add", "--quiet", "--detach", str(tmp_path / "t"), "HEAD")
    assert "install git-lfs" in remedy(done, clone.path)


def test_a_ref_that_is_not_there(tmp_path: Path) -> None:
    clone = new_repository(tmp_path / "clone")
    assert remedy(git(clone.path, "rev-parse", "nowhere"), clone.path) == OTHERWISE


@pytest.mark.parametrize(
    ("error", "then"),
    [
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", "prompt"),
        ("git@x: Permission denied (publickey).\nfatal: Could not read from remote", "prompt"),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "proxy"),
        ("fatal: unable to write file x: No space left on device", "space"),
        ("fatal: could not create leading directories of 't': Permission denied", "owns the clone"),
        ("fatal: Unable to create '/c/.git/index.lock': File exists.", "no other git"),
        ("error: external filter 'crypt' failed\nfatal: x: smudge filter crypt failed", "filter"),
        ("fatal: reference is not a tree: 0123", OTHERWISE),
    ],
)
def test_what_git_says(error: str, then: str) -> None:
    assert then in of(error)


def test_no_git_and_no_time() -> None:
    assert remedy_for(Done(127, b"", "git cannot be started"), Path(), "") == "install git"
    late = Done(124, b"", "git worktree took longer than 900 s")
    assert "reaches the remote" in remedy_for(late, Path(), "")
