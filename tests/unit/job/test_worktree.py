"""Another commit's sources, whole: in every kind of clone that CI makes, or with the cause."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.worktree import sources_at
from tests.unit.repositories import Repository, clone_of, new_repository

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 3\n".format("0" * 64)
LFS = """#!/bin/sh
# A git-lfs of one file: what is stored are pointers, what is checked out is what they stand for.
case $1 in
clean) cat > /dev/null; printf '%s' '{pointer}' ;;
smudge) cat > /dev/null; [ -e "{store}" ] || {{ echo "Smudge error: not there" >&2; exit 2; }}
        cat "{store}" ;;
esac
"""


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Submodules by the path of their repository, which git allows on request only."""
    settings = tmp_path / "gitconfig"
    settings.write_text('[protocol "file"]\n\tallow = always\n', "utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """A service of two commits, the old one without ``service/new``."""
    made = new_repository(tmp_path / "origin")
    made.commit("FROM old", "service/Dockerfile")
    made.commit("FROM new", "service/Dockerfile")
    return made


def older(repository: Repository) -> str:
    return repository.git("rev-parse", "HEAD~1")


def refused(repository: Repository, commit: str) -> UsageError:
    before = repository.state()
    with pytest.raises(UsageError) as caught, sources_at(repository.path, commit):
        pass
    assert caught.value.reason is Reason.NO_SUCH_COMMIT
    assert repository.state() == before
    return caught.value


@pytest.mark.parametrize(
    "options", [(), ("--filter=blob:none",), ("--filter=tree:0",), ("--no-checkout",)]
)
def test_every_clone_that_can_get_it(
    origin: Repository, tmp_path: Path, options: tuple[str, ...]
) -> None:
    origin.git("config", "uploadpack.allowFilter", "true")
    clone = clone_of(origin, tmp_path / "clone", *options)
    before = clone.state()
    with sources_at(clone.path, older(clone)) as sources:
        assert (sources / "service" / "Dockerfile").read_text() == "FROM old"
    # A partial clone may keep what it fetched.
    assert clone.state()[:6] == before[:6]


def test_a_sparse_checkout(origin: Repository) -> None:
    origin.commit("other", "other/file")
    origin.git("sparse-checkout", "set", "service")
    with sources_at(origin.path, older(origin)) as sources:
        assert (sources / "service" / "Dockerfile").read_text() == "FROM new"


def test_from_a_linked_worktree_and_from_below(origin: Repository, tmp_path: Path) -> None:
    origin.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    linked = Repository(tmp_path / "linked")
    before = linked.state()
    with sources_at(linked.path / "service", older(linked)) as sources:
        assert (sources / "Dockerfile").read_text() == "FROM old"
    assert linked.state() == before


def test_a_shallow_clone_names_the_cause(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = clone_of(origin, tmp_path / "clone", "--depth=1")
    error = refused(clone, older(origin))
    assert "git fetch --unshallow" in str(error.remedy)
    monkeypatch.setenv("GITLAB_CI", "true")
    assert "GIT_DEPTH: 0" in str(refused(clone, older(origin)).remedy)


def test_a_partial_clone_that_cannot_fetch_names_the_cause(
    origin: Repository, tmp_path: Path
) -> None:
    origin.git("config", "uploadpack.allowFilter", "true")
    clone = clone_of(origin, tmp_path / "clone", "--filter=blob:none")
    origin.path.rename(tmp_path / "gone")
    error = refused(clone, older(clone))
    assert "promisor" in error.message
    assert "clone without --filter" in str(error.remedy)
    assert "fetch-depth" not in str(error.remedy)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a clone away")
def test_a_clone_of_another_user_names_the_cause(origin: Repository) -> None:
    commit = older(origin)
    os.chown(origin.path, 12345, 12345)
    refuses = pytest.raises(UsageError, match="dubious ownership")
    with refuses as caught, sources_at(origin.path, commit):
        pass
    assert f"safe.directory {origin.path}" in str(caught.value.remedy)


class TestSubmodules:
    """``vendor/lib`` has another commit in the service's old commit than in its new one."""

    @pytest.fixture
    def library(self, tmp_path: Path) -> Repository:
        made = new_repository(tmp_path / "library")
        made.commit("one", "lib.txt")
        return made

    @pytest.fixture
    def service(self, origin: Repository, library: Repository) -> Repository:
        origin.git("submodule", "--quiet", "add", str(library.path), "vendor/lib")
        origin.commit("with library", "code")
        library.commit("two", "lib.txt")
        origin.git("-C", "vendor/lib", "pull", "--quiet")
        origin.commit("with the new library", "code")
        return origin

    def test_it_is_as_its_commit_has_it(self, service: Repository) -> None:
        before = service.state()
        with sources_at(service.path / "service", older(service)) as sources:
            assert (sources.parent / "vendor" / "lib" / "lib.txt").read_text() == "one"
        assert service.state() == before
        assert service.git("-C", "vendor/lib", "status", "--porcelain") == ""

    def test_one_within_another(self, service: Repository, tmp_path: Path) -> None:
        outer = new_repository(tmp_path / "outer")
        outer.git("submodule", "--quiet", "add", str(service.path), "deep")
        outer.git("submodule", "--quiet", "update", "--init", "--recursive")
        outer.commit("one", "code")
        outer.commit("two", "code")
        with sources_at(outer.path, older(outer)) as sources:
            assert (sources / "deep" / "vendor" / "lib" / "lib.txt").read_text() == "two"

    def test_where_it_is_not_checked_out_neither_arm_has_it(
        self, service: Repository, tmp_path: Path
    ) -> None:
        clone = clone_of(service, tmp_path / "clone")
        with sources_at(clone.path, older(clone)) as sources:
            assert list((sources / "vendor" / "lib").iterdir()) == []
        assert list((clone.path / "vendor" / "lib").iterdir()) == []

    def test_a_shallow_one_names_itself(self, service: Repository, tmp_path: Path) -> None:
        clone = clone_of(service, tmp_path / "clone")
        service.git("config", "--file", ".gitmodules", "submodule.vendor/lib.url", "x")
        url = f"file://{tmp_path / 'library'}"
        clone.git("config", "submodule.vendor/lib.url", url)
        clone.git("submodule", "--quiet", "update", "--init", "--depth=1")
        error = refused(clone, older(clone))
        assert "submodule 'vendor/lib' cannot be checked out" in error.message
        assert "fatal:" in error.message or "error:" in error.message
        assert "git -C vendor/lib fetch --unshallow origin" in str(error.remedy)

    def test_one_that_the_change_removes(self, service: Repository, tmp_path: Path) -> None:
        service.git("rm", "--quiet", "--force", "vendor/lib")
        service.commit("without library", "code")
        with sources_at(service.path, older(service)) as sources:
            assert (sources / "vendor" / "lib" / "lib.txt").read_text() == "two"
        clone = clone_of(service, tmp_path / "clone")
        assert "'vendor/lib'" in refused(clone, older(clone)).message


class TestLargeFiles:
    """``model.bin`` is kept by LFS, whose filter is a script here."""

    @pytest.fixture
    def service(self, origin: Repository, tmp_path: Path) -> Repository:
        store, script = tmp_path / "store", tmp_path / "git-lfs"
        store.write_text("whole")
        script.write_text(LFS.format(pointer=POINTER, store=store))
        script.chmod(0o755)
        for name in ("clean", "smudge"):
            origin.git("config", f"filter.lfs.{name}", f"{script} {name}")
        origin.git("config", "filter.lfs.required", "true")
        origin.commit("*.bin filter=lfs -text\n", ".gitattributes")
        origin.commit("whole", "service/model.bin")
        origin.commit("code", "code")
        return origin

    def without_lfs(self, service: Repository) -> None:
        for name in ("clean", "smudge", "required"):
            service.git("config", "--unset", f"filter.lfs.{name}")

    def test_it_is_whole_where_lfs_works(self, service: Repository) -> None:
        with sources_at(service.path, older(service)) as sources:
            assert (sources / "service" / "model.bin").read_text() == "whole"

    def test_a_filter_that_fails_names_lfs(self, service: Repository, tmp_path: Path) -> None:
        (tmp_path / "store").unlink()
        error = refused(service, older(service))
        assert "smudge filter lfs failed" in error.message
        assert "git-lfs" in str(error.remedy)
        assert "fetch-depth" not in str(error.remedy)

    def test_a_pointer_in_the_base_alone_is_no_base(self, service: Repository) -> None:
        self.without_lfs(service)
        error = refused(service, older(service))
        assert "'service/model.bin' of commit" in error.message
        assert "install git-lfs" in str(error.remedy)

    def test_a_pointer_here_alone_is_no_candidate(self, service: Repository) -> None:
        (service.path / "service" / "model.bin").write_text(POINTER)
        assert "git lfs pull" in str(refused(service, older(service)).remedy)

    def test_pointers_in_both_arms_are_alike(self, service: Repository) -> None:
        self.without_lfs(service)
        (service.path / "service" / "model.bin").write_text(POINTER)
        with sources_at(service.path, older(service)) as sources:
            assert (sources / "service" / "model.bin").read_text() == POINTER
