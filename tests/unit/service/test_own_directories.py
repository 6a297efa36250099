from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from socklat_gate.service.own_directories import (
    dead_directories,
    is_dead_directory,
    own_directory,
    remove_directory,
)
from socklat_gate.service.owner import OwnerTag, is_dead, owner_labels


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def name_of(owner: OwnerTag) -> str:
    return f"socklat-gate-{owner.text}"


def dead() -> OwnerTag:
    me = OwnerTag.current()
    return OwnerTag("0" * 12, me.pid, me.start - 1, me.boot, me.pid_ns)


def test_a_name_says_as_much_as_labels_do() -> None:
    me = OwnerTag.current()
    assert owner_labels(me.text) == me.labels()
    assert not is_dead(owner_labels(me.text))
    assert is_dead(owner_labels(dead().text))
    for text in ("", "sources", me.text[:-1], f"{me.text}0", me.text.replace(".", "-")):
        assert owner_labels(text) == {}
    # Docker's tags may have it.
    assert set(me.text) <= set("0123456789abcdef.")


def test_it_is_for_nobody_else_and_gone_afterwards(place: Path) -> None:
    with own_directory() as home:
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        (home / "inner").mkdir()
        assert dead_directories() == []
    assert not home.exists()


def test_only_those_of_the_dead_are_found(place: Path) -> None:
    for name in (name_of(OwnerTag.current()), name_of(dead()), "socklat-gate-x", "other"):
        (place / name).mkdir()
    (place / name_of(OwnerTag("1" * 12, *astuple(dead())[1:]))).symlink_to(place / "other")
    (place / name_of(OwnerTag("2" * 12, *astuple(dead())[1:]))).write_text("a file")
    assert dead_directories() == [place / name_of(dead())]
    assert is_dead_directory(place / name_of(dead()))


def astuple(owner: OwnerTag) -> tuple[str, int, int, str, int]:
    return owner.run, owner.pid, owner.start, owner.boot, owner.pid_ns


def test_nothing_of_another_user(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / name_of(dead())).mkdir()
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    assert dead_directories() == []


def test_a_killed_process_leaves_one_that_is_found(place: Path) -> None:
    code = """
import os, signal, sys, tempfile
from socklat_gate.service.own_directories import own_directory
tempfile.tempdir = sys.argv[1]
with own_directory() as home:
    (home / "left").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code, str(place)], check=False, timeout=20)
    (home,) = dead_directories()
    remove_directory(home)
    assert list(place.iterdir()) == []
