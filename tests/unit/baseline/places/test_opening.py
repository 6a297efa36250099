from __future__ import annotations

import threading
from pathlib import Path

import pytest

from socklat_gate.baseline.places import slow_notice as module
from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.places.git_branch import GitBranch
from socklat_gate.baseline.places.location import is_remote, open_place
from socklat_gate.baseline.places.slow_notice import slow_notice
from socklat_gate.errors import Reason, UsageError


def test_what_is_no_address_is_a_directory(tmp_path: Path) -> None:
    for text in ("baselines", str(tmp_path), "a:b", "git/branch"):
        assert not is_remote(text)
        assert open_place(text) == Directory(Path(text))
    assert open_place(tmp_path) == Directory(tmp_path)
    assert open_place(f"file://{tmp_path}/a%20b") == Directory(tmp_path / "a b")


def test_a_branch_is_of_origin_unless_a_remote_is_named() -> None:
    for text, location in (
        ("git+branch:perf", "git+branch:perf@origin"),
        ("git+branch:perf/x@up", "git+branch:perf/x@up"),
        ("git+branch:feat/ünï", "git+branch:feat/ünï@origin"),
        ("git+branch:fix(a,b)@up", "git+branch:fix(a,b)@up"),
        ("git+branch:a@b@up", "git+branch:a@b@up"),
    ):
        place = open_place(text)
        assert isinstance(place, GitBranch)
        assert place.location == location


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/../other",
        "s3://bucket/a/./b",
        "s3://bucket/*",
        "s3://bucket/[ab]",
        "s3://bucket/a?versionId=1",
        "s3://key:secret@bucket/a",
        "simplecache::s3://bucket/a",
        "s3://bucket/a::memory://b",
        "s3://bucket/a\nb",
        "file://elsewhere/path",
        "file://",
        "nonsense://x",
    ],
)
def test_an_address_that_could_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_place(text)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert caught.value.remedy


def test_only_what_takes_long_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    shown = threading.Event()

    def show_line(line: str) -> None:
        lines.append(line)
        shown.set()

    with slow_notice(show_line, "fetching"):
        pass
    assert lines == []
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    with slow_notice(show_line, "fetching"):
        assert shown.wait(30)
    assert lines == ["fetching ..."]
