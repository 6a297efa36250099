from __future__ import annotations

import multiprocessing
import os
import stat
import tempfile
from pathlib import Path

import pytest

from socklat_gate.baseline.places.git_branch import GitBranch
from socklat_gate.baseline.places.git_mirror import Mirror
from socklat_gate.baseline.places.location import open_place
from socklat_gate.baseline.places.place import MAX_BYTES
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import GateError, NoUsableBaseline, Reason, UnfitEnvironment, UsageError
from tests.unit.factories import make_campaign
from tests.unit.repositories import Repository, clone_of

BRANCH = "perf"
NAME = "checkout/a.json"
WRITERS = 10


def place_of(directory: Repository, remote: str = "origin") -> GitBranch:
    return GitBranch(BRANCH, remote, directory.path, lambda line: None)


def files_on(remote: Repository) -> list[str]:
    return remote.git("ls-tree", "-r", "--name-only", BRANCH).splitlines()


def history(remote: Repository) -> list[str]:
    return remote.git("log", "--format=%s", BRANCH).splitlines()


@pytest.fixture(autouse=True)
def _nothing_temporary_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    yield
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("options", [(), ("--depth=1",)], ids=["full", "shallow"])
@pytest.mark.parametrize("detached", [False, True])
def test_the_users_repository_is_left_as_it_was(
    remote: Repository, tmp_path: Path, options: tuple[str, ...], detached: bool
) -> None:
    clone = clone_of(remote, tmp_path / "ci", *options)
    if detached:
        clone.git("checkout", "--quiet", "--detach")
    (clone.path / "code").write_text("changed, and in the index")
    clone.git("add", "code")
    (clone.path / "new").write_text("untracked")
    before = clone.state()
    place = place_of(clone)
    try:
        place.add(NAME, b"1")
        place.add("checkout/b.json", b"2")
        place.remove(["checkout/b.json"])
        place.compact()
        assert place.read(NAME) == b"1"
    finally:
        place.close()
    assert clone.state() == before
    assert files_on(remote) == [NAME]


def test_the_branch_shares_no_history_and_each_change_is_a_commit(
    remote: Repository, clone: Repository
) -> None:
    place = place_of(clone)
    place.add(NAME, b"1")
    place.add("checkout/b.json", b"2")
    place.close()
    assert history(remote) == ["Add checkout/b.json", "Add checkout/a.json"]
    assert remote.git("log", "--format=%an <%ae>", "-1", BRANCH) == (
        "socklat-gate <socklat-gate@localhost>"
    )
    assert "code" not in files_on(remote)


def write(directory: str, number: int) -> None:
    place = GitBranch(BRANCH, "origin", Path(directory), lambda line: None)
    try:
        BaselineStore(place).save(make_campaign(1, commit=f"{number:040x}"))
    finally:
        place.close()


def test_ten_writers_at_the_same_time_lose_nothing(remote: Repository, clone: Repository) -> None:
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=write, args=(str(clone.path), number)) for number in range(WRITERS)
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join(240)
            assert worker.exitcode == 0
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    assert len(history(remote)) == WRITERS
    place = place_of(clone)
    try:
        stored = BaselineStore(place).campaigns("checkout")
        assert {one.campaign.commit for one in stored} == {f"{n:040x}" for n in range(WRITERS)}
        assert {problem for _, problem in BaselineStore(place).verify()} == {""}
    finally:
        place.close()


@pytest.mark.timeout(300)
def test_a_writer_that_was_overtaken_tries_again(
    remote: Repository, clone: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = place_of(clone), place_of(clone)
    push, overtaken = Mirror.push, []

    def slow_push(mirror: Mirror, commit: str, *, instead_of_tip: bool = False) -> bool:
        if not overtaken:
            overtaken.append(commit)
            theirs.add(f"checkout/theirs-{commit[:7]}.json", b"theirs")
        return push(mirror, commit, instead_of_tip=instead_of_tip)

    monkeypatch.setattr(Mirror, "push", slow_push)
    ours.add("checkout/ours.json", b"ours")
    overtaken.clear()
    ours.add("checkout/again.json", b"ours")
    for place in (ours, theirs):
        place.close()
    ours_first, ours_later, *theirs_all = files_on(remote)
    assert (ours_first, ours_later) == ("checkout/again.json", "checkout/ours.json")
    assert len(theirs_all) == 2


def test_compaction_leaves_one_commit_and_keeps_what_comes_meanwhile(
    remote: Repository, clone: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = place_of(clone), place_of(clone)
    for number in range(3):
        ours.add(f"checkout/{number}.json", b"x")
    theirs.names("checkout")
    push, pushed = Mirror.push, []

    def overtaken(mirror: Mirror, commit: str, *, instead_of_tip: bool = False) -> bool:
        pushed.append(commit)
        if len(pushed) == 1:
            theirs.add("checkout/theirs.json", b"theirs")
        return push(mirror, commit, instead_of_tip=instead_of_tip)

    monkeypatch.setattr(Mirror, "push", overtaken)
    ours.compact()
    assert len(history(remote)) == 1
    assert files_on(remote) == [f"checkout/{n}.json" for n in ("0", "1", "2", "theirs")]
    # Who still stands on the old history goes on from the new one.
    theirs.add("checkout/later.json", b"x")
    assert len(history(remote)) == 2
    for place in (ours, theirs):
        place.close()


def test_compacting_no_branch_makes_none(remote: Repository, clone: Repository) -> None:
    place = place_of(clone)
    place.compact()
    place.close()
    assert remote.git("branch", "--list", BRANCH) == ""


def test_a_branch_that_is_not_there_is_named(clone: Repository) -> None:
    place = place_of(clone)
    store = BaselineStore(place)
    assert place.absent() == "'origin' has no branch 'perf'"
    with pytest.raises(NoUsableBaseline, match="'origin' has no branch 'perf'") as caught:
        store.usable("checkout", "0" * 16, make_campaign(1).fingerprint, "single")
    assert caught.value.reason is Reason.NO_BASELINE_YET
    place.close()


def test_a_remote_that_is_not_there_or_does_not_respond(clone: Repository, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no remote 'upstream'"):
        place_of(clone, "upstream").names("checkout")
    clone.git("remote", "add", "gone", f"https://user:secret@{tmp_path.name}.invalid/x.git")
    clone.git("remote", "add", "lost", str(tmp_path / "nowhere.git"))
    for remote in ("gone", "lost"):
        with pytest.raises(NoUsableBaseline, match=f"cannot fetch .* from '{remote}'") as caught:
            place_of(clone, remote).names("checkout")
        assert caught.value.reason is Reason.BASELINE_UNREACHABLE
        assert "secret" not in caught.value.message
        with pytest.raises(UsageError) as refused:
            place_of(clone, remote).add(NAME, b"x")
        assert refused.value.reason is Reason.OUTPUT_NOT_WRITABLE


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="need a repository") as caught:
        place_of(Repository(tmp_path)).names("checkout")
    assert caught.value.reason is Reason.BAD_ARGUMENT
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnfitEnvironment) as missing:
        place_of(Repository(tmp_path)).names("checkout")
    assert missing.value.reason is Reason.NO_GIT


def test_a_remote_that_refuses_is_an_error_at_once(remote: Repository, clone: Repository) -> None:
    hook = remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho this branch is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(UsageError, match="this branch is protected") as caught:
        place_of_and_close(clone, b"x")
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE
    assert "contents: write" in str(caught.value.remedy)


def place_of_and_close(clone: Repository, data: bytes) -> None:
    place = place_of(clone)
    try:
        place.add(NAME, data)
    finally:
        place.close()


def test_neither_hooks_nor_the_callers_git_settings_take_part(
    remote: Repository, clone: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    for name in ("pre-push", "post-checkout", "reference-transaction", "pre-commit"):
        hook = clone.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho {name} >> {ran}\n")
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    # As in a hook of another repository.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    place_of_and_close(clone, b"x")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert files_on(remote) == [NAME]
    assert not ran.exists()
    assert not (tmp_path / "index").exists()


def test_how_the_repository_reaches_its_remote_is_kept(
    remote: Repository, clone: Repository
) -> None:
    clone.git("remote", "set-url", "origin", "short:remote.git")
    clone.git("config", f"url.{remote.path.parent}/.insteadOf", "short:")
    clone.git("config", "http.https://example.org/.extraheader", 'X-Quote: "a\\b"')
    place_of_and_close(clone, b"x")
    assert files_on(remote) == [NAME]


def test_a_remote_address_counts_from_the_top_of_the_repository(
    remote: Repository, clone: Repository
) -> None:
    clone.git("remote", "set-url", "origin", os.path.relpath(remote.path, clone.path))
    inner = clone.path / "inner"
    inner.mkdir()
    place_of_and_close(Repository(inner), b"x")
    assert files_on(remote) == [NAME]


def hostile_tree(remote: Repository, row: str) -> None:
    """Make the branch a tree that git itself would never write: mode, object, path."""
    mode, oid, path = row.split(" ", 2)
    for name in reversed(path.split("/")):
        raw = mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(oid)
        file = remote.path / "raw-object"
        file.write_bytes(raw)
        oid = remote.git("hash-object", "-t", "tree", "-w", "--literally", str(file))
        file.unlink()
        mode = "40000"
    remote.git("update-ref", f"refs/heads/{BRANCH}", remote.git("commit-tree", oid, "-m", "x"))


def blob_in(remote: Repository, data: bytes) -> str:
    path = remote.path / "raw-object"
    path.write_bytes(data)
    oid = remote.git("hash-object", "-w", str(path))
    path.unlink()
    return oid


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("100644 {oid} checkout/../a.json", "which is no name"),
        ("100644 {oid} checkout/sub/a.json", "which is no name"),
        ("100644 {oid} checkout/a b.json", "which is no name"),
        ("100644 {oid} checkout/a\x1b[2J.json", "which is no name"),
        ("100644 {oid} checkout/..\\a.json", "which is no name"),
        ("120000 {oid} checkout/a.json", "is not a regular file"),
        ("160000 {oid} checkout/a.json", "is not a regular file"),
        ("40000 {oid} checkout/a.json", "cannot (?:be listed|fetch)"),
    ],
)
def test_a_hostile_branch_is_refused(
    remote: Repository, clone: Repository, row: str, said: str
) -> None:
    hostile_tree(remote, row.format(oid=blob_in(remote, b"/etc/passwd")))
    place = place_of(clone)
    with pytest.raises(NoUsableBaseline, match=said) as caught:
        BaselineStore(place).campaigns("checkout")
    assert caught.value.reason in (Reason.BASELINE_CORRUPT, Reason.BASELINE_UNREACHABLE)
    assert "\x1b" not in caught.value.message
    place.close()


def test_a_folder_that_leads_out_is_refused(remote: Repository, clone: Repository) -> None:
    hostile_tree(remote, f"100644 {blob_in(remote, b'x')} ../a.json")
    place = place_of(clone)
    with pytest.raises(NoUsableBaseline) as caught:
        place.folders()
    assert caught.value.reason in (Reason.BASELINE_CORRUPT, Reason.BASELINE_UNREACHABLE)
    place.close()


def test_a_huge_object_is_told_by_its_size(remote: Repository, clone: Repository) -> None:
    hostile_tree(remote, f"100644 {blob_in(remote, bytes(2 * MAX_BYTES))} checkout/a.json")
    place = place_of(clone)
    with pytest.raises(NoUsableBaseline, match=f"larger than {MAX_BYTES}"):
        place.read(NAME)
    place.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-x",
        "--upload-pack=x",
        "a..b",
        "a/.b",
        "a.lock",
        "a/",
        "a//b",
        "a b",
        "a~1",
        "x@",
        "x@-y",
        "x@../y",
        "x@ext::sh -c true",
        "a\nb",
    ],
)
def test_no_other_names_get_to_git(text: str) -> None:
    with pytest.raises(GateError) as caught:
        open_place(f"git+branch:{text}")
    assert caught.value.reason is Reason.BAD_ARGUMENT
