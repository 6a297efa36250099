from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.git import Done
from socklat_gate.job import lineage
from socklat_gate.job.lineage import lineage_of, merge_base
from socklat_gate.job.worktree import remove_abandoned_sources, sources_at
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.wording.notes import note_text
from tests.unit.repositories import Repository, clone_of, new_repository

CI = ("GITHUB_BASE_REF", "GITHUB_HEAD_REF", "GITHUB_REF", "GITHUB_SHA")


@pytest.fixture(autouse=True)
def _outside_of_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CI:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """ "main" with three commits; "feature" goes off after the second and has two of its own."""
    made = new_repository(tmp_path / "origin")
    made.commit("second")
    made.git("checkout", "--quiet", "-b", "feature")
    made.commit("one more", "feature")
    made.commit("another", "feature")
    made.git("checkout", "--quiet", "main")
    made.commit("third")
    return made


def subjects(repository: Repository, commits: tuple[str, ...]) -> list[str]:
    return [repository.git("log", "-1", "--format=%s", commit) for commit in commits]


def pull_request(origin: Repository, path: Path, *options: str) -> Repository:
    """What CI checks out for a pull request: the merge of "feature" into "main", detached."""
    origin.git("checkout", "--quiet", "--detach", "main")
    origin.git("merge", "--quiet", "--no-ff", "-m", "merge", "feature")
    origin.git("update-ref", "refs/heads/pull/7/merge", "HEAD")
    origin.git("checkout", "--quiet", "main")
    ci = clone_of(origin, path, "--branch=pull/7/merge", *options)
    ci.git("checkout", "--quiet", "--detach")
    return ci


def test_head_and_its_ancestors(origin: Repository, tmp_path: Path) -> None:
    origin.git("checkout", "--quiet", "feature")
    lineage = lineage_of(origin.path)
    assert subjects(origin, lineage.commits) == ["another", "one more", "second", "first"]
    assert (lineage.ref, lineage.branch, lineage.unknown) == ("", "feature", None)


def test_a_ref_that_was_asked_for(origin: Repository) -> None:
    origin.git("checkout", "--quiet", "feature")
    lineage = lineage_of(origin.path, "main")
    assert subjects(origin, lineage.commits) == ["second", "first"]
    assert (lineage.ref, lineage.branch) == ("main", "main")
    assert lineage.commits[0] == merge_base(origin.path, "main~1")


def test_of_a_ref_ahead_of_head_it_is_head_that_both_have(origin: Repository) -> None:
    origin.git("checkout", "--quiet", "--detach", "feature~2")
    lineage = lineage_of(origin.path, "feature")
    assert subjects(origin, lineage.commits) == ["second", "first"]
    assert lineage.commits[0] == origin.git("rev-parse", "HEAD")


def test_a_pull_request_starts_at_its_merge_base(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = pull_request(origin, tmp_path / "ci")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    lineage = lineage_of(ci.path)
    assert subjects(origin, lineage.commits) == ["third", "second", "first"]
    assert (lineage.ref, lineage.branch) == ("main", "main")


def test_a_shallow_clone_still_knows_what_ci_merged_into(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = pull_request(origin, tmp_path / "ci", "--depth=1")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    lineage = lineage_of(ci.path)
    assert subjects(origin, lineage.commits) == ["third"]
    assert lineage.ref == "main"
    assert lineage.unknown == "shallow"
    with pytest.raises(UsageError) as caught:
        merge_base(ci.path, "main")
    assert caught.value.reason is Reason.NO_SUCH_COMMIT
    assert "fetch-depth: 0" in str(caught.value.remedy)


def test_what_gitlab_merged_into_is_known_in_a_shallow_clone_too(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = pull_request(origin, tmp_path / "ci", "--depth=1")
    for name, value in {
        "GITLAB_CI": "true",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/merge",
    }.items():
        monkeypatch.setenv(name, value)
    assert subjects(origin, lineage_of(ci.path).commits) == ["third"]
    monkeypatch.setenv("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/7/head")
    assert lineage_of(ci.path).unknown == "no_merge_base"
    with pytest.raises(UsageError) as caught:
        merge_base(ci.path, "main")
    assert "GIT_DEPTH: 0" in str(caught.value.remedy)


def test_branches_of_any_name_are_targets(
    origin: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.git("checkout", "--quiet", "feature")
    for name in ("feat/ünï", "a,b", "fix(api)"):
        origin.git("branch", name, "main")
        monkeypatch.setenv("GITHUB_BASE_REF", name)
        lineage = lineage_of(origin.path)
        assert (lineage.ref, lineage.branch) == (name, name)
        assert subjects(origin, lineage.commits) == ["second", "first"]
        assert lineage_of(origin.path, name).commits == lineage.commits


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a clone away")
def test_a_clone_of_another_user_is_not_said_to_be_none(origin: Repository) -> None:
    os.chown(origin.path, 12345, 12345)
    lineage = lineage_of(origin.path)
    assert (lineage.commits, lineage.unknown) == ((), "not_read")
    note = Note(NoteCode.NEWEST_STORED, "", {"unknown": "not_read", "message": lineage.git_says})
    assert "detected dubious ownership" in note_text(note)
    assert "safe.directory" in note_text(note)
    with pytest.raises(UsageError, match="dubious ownership") as caught:
        merge_base(origin.path, "main")
    assert f"safe.directory {origin.path}" in str(caught.value.remedy)


def test_a_shallow_clone_of_a_branch_falls_back_to_itself(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = clone_of(origin, tmp_path / "ci", "--depth=1", "--branch=feature")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    lineage = lineage_of(ci.path)
    assert subjects(origin, lineage.commits) == ["another"]
    assert (lineage.ref, lineage.branch) == ("", "main")
    assert lineage.unknown == "no_merge_base"


def test_of_a_target_branch_the_remote_has_the_last_word(
    origin: Repository, tmp_path: Path
) -> None:
    clone = clone_of(origin, tmp_path / "clone", "--branch=feature")
    origin_main = clone.git("rev-parse", "origin/main")
    clone.git("branch", "main", "origin/main~2")
    clone.git("checkout", "--quiet", "--detach", origin_main)
    assert subjects(clone, (merge_base(clone.path, "main"),)) == ["first"]
    assert merge_base(clone.path, "main", of_origin=True) == origin_main


def test_a_remote_may_have_any_name(origin: Repository, tmp_path: Path) -> None:
    clone = clone_of(origin, tmp_path / "clone", "--branch=feature", "--origin=upstream")
    base = merge_base(clone.path, "main")
    assert subjects(clone, (base,)) == ["second"]
    assert merge_base(clone.path, "refs/heads/main") == base
    # Another remote without such a branch, or with the same, changes nothing.
    clone.git("remote", "add", "fork", "https://forge.example/fork")
    clone.git("update-ref", "refs/remotes/fork/main", "upstream/main")
    assert merge_base(clone.path, "main") == base
    clone.git("update-ref", "refs/remotes/fork/main", "upstream/main~1")
    with pytest.raises(UsageError, match="have different branches 'main'") as caught:
        merge_base(clone.path, "main")
    assert "/main" in str(caught.value.remedy)
    assert merge_base(clone.path, "upstream/main") == base
    # Where there is an "origin", that is the one.
    clone.git("remote", "rename", "upstream", "origin")
    assert merge_base(clone.path, "main") == base


@pytest.mark.parametrize("where", ["heads", "remotes/origin"])
def test_a_tag_is_not_taken_for_the_branch_of_its_name(
    origin: Repository, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git takes the tag, which may be newer than the base: what the change did would be hidden."""
    clone = clone_of(origin, tmp_path / "clone", "--branch=feature")
    clone.git("tag", "main", "feature")
    clone.git("update-ref", f"refs/{where}/main", "origin/main")
    with pytest.raises(UsageError, match=r"'main' is a tag \(\w{12}\) and a branch") as caught:
        merge_base(clone.path, "main")
    assert "refs/heads/main" in str(caught.value.remedy)
    assert subjects(clone, (merge_base(clone.path, "refs/heads/main"),)) == ["second"]
    assert subjects(clone, (merge_base(clone.path, "refs/tags/main"),)) == ["another"]
    # Of a pull request's target CI says that it is a branch.
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert subjects(clone, lineage_of(clone.path, "main").commits[:1]) == ["second"]


@pytest.mark.parametrize("ref", ["nowhere", "v9", "0" * 40])
def test_a_ref_that_is_not_there(origin: Repository, ref: str) -> None:
    with pytest.raises(UsageError, match="is known in") as caught:
        lineage_of(origin.path, ref)
    assert caught.value.reason is Reason.NO_SUCH_COMMIT


@pytest.mark.parametrize(
    "ref", ["--all", "-x", "a b", "main..feature", "x@{1}", ":/x", "x\n", "a:b"]
)
def test_what_is_no_ref_does_not_get_to_git(origin: Repository, ref: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        merge_base(origin.path, ref)


def test_nothing_in_common(origin: Repository) -> None:
    origin.git("checkout", "--quiet", "--orphan", "other")
    origin.commit("apart")
    with pytest.raises(UsageError, match="no commit in common"):
        merge_base(origin.path, "main")


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    lineage = lineage_of(tmp_path)
    assert (lineage.commits, lineage.unknown) == ((), "no_repository")
    with pytest.raises(UsageError, match="in no git repository"):
        merge_base(tmp_path, "main")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lineage_of(tmp_path).commits == ()
    with pytest.raises(UnfitEnvironment) as caught:
        merge_base(tmp_path, "main")
    assert caught.value.reason is Reason.NO_GIT


def test_sources_of_a_commit_without_a_trace_afterwards(origin: Repository) -> None:
    commit = origin.commit("inner text", "service/app.py")
    origin.commit("newer text", "service/app.py")
    (origin.path / "code").write_text("changed")
    before = origin.state()
    with sources_at(origin.path / "service", commit) as sources:
        assert (sources / "app.py").read_text() == "inner text"
        assert origin.path not in sources.parents
    assert not sources.exists()
    assert origin.state() == before


def test_sources_are_removed_after_an_error_too(origin: Repository) -> None:
    before = origin.state()
    left: list[Path] = []

    def build() -> None:
        with sources_at(origin.path, "HEAD~1") as sources:
            left.append(sources)
            (sources / "left behind").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        build()
    assert not left[0].exists()
    assert origin.state() == before
    with pytest.raises(UsageError, match="cannot be checked out") as caught:
        sources_at(origin.path, "0" * 40).__enter__()
    assert caught.value.reason is Reason.NO_SUCH_COMMIT
    assert origin.state() == before


KILLED = """
import os, signal, sys
from pathlib import Path
from socklat_gate.job import worktree
if sys.argv[2] == "checked out":
    with worktree.sources_at(Path(sys.argv[1]), "HEAD"):
        os.kill(os.getpid(), signal.SIGKILL)
with worktree.ScratchDirectory() as home:
    (home / worktree.REPOSITORY).write_text(sys.argv[1])
    # As git leaves it when it is killed before it has written the checkout's own half.
    worktree.git(Path(sys.argv[1]), "worktree", "add", "--detach", str(home / "sources"), "HEAD")
    (Path(sys.argv[1]) / ".git" / "worktrees" / "sources" / "locked").write_text("initializing")
    (home / "sources" / ".git").unlink()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["checked out", "half-way"])
def test_what_a_killed_job_has_checked_out_is_swept_by_the_next(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = origin.state()
    command = [sys.executable, "-c", KILLED, str(origin.path), when]
    done = subprocess.run(command, check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    assert len(list(place.iterdir())) == 1
    assert origin.state() != before
    remove_abandoned_sources()
    assert list(place.iterdir()) == []
    assert origin.state() == before


def test_a_living_jobs_checkout_is_left_alone(origin: Repository) -> None:
    with sources_at(origin.path, "HEAD") as one:
        remove_abandoned_sources()
        with sources_at(origin.path, "HEAD~1") as other:
            assert one.exists()
            assert other.exists()
        assert one.exists()


def test_no_hook_runs_when_sources_are_checked_out(origin: Repository, tmp_path: Path) -> None:
    hook = origin.path / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with sources_at(origin.path, "HEAD"):
        pass
    assert not (tmp_path / "ran").exists()


def test_a_clone_of_another_user_is_told_in_gits_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = f"fatal: detected dubious ownership in repository at '{tmp_path}'"
    monkeypatch.setattr(lineage, "git", lambda *_: Done(128, b"", error))
    with pytest.raises(UsageError, match="dubious ownership") as caught:
        lineage.commit_of(tmp_path, "main")
    assert f"safe.directory {tmp_path}" in str(caught.value.remedy)
