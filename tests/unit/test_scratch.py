from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import interruptible
from socklat_gate.scratch import PREFIX, ScratchDirectory, remove_abandoned

KILLED = """
import os, signal
from socklat_gate.scratch import ScratchDirectory
one = ScratchDirectory()
(one.path / "file").write_text("content")
print(one.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def nothing(path: Path) -> None:
    pass


def test_it_is_private_and_gone_in_the_end() -> None:
    with ScratchDirectory() as path:
        assert path.stat().st_mode & 0o777 == 0o700
        (path / "file").write_text("content")
        assert remove_abandoned(nothing) == []
    assert not path.exists()


def test_cleaning_up_twice_is_harmless() -> None:
    one = ScratchDirectory()
    one.cleanup()
    one.cleanup()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = Path(done.stdout.strip())
    assert (left / "file").exists()
    seen: list[bool] = []
    with ScratchDirectory() as living:
        assert remove_abandoned(lambda path: seen.append((path / "file").exists())) == [left]
        assert living.exists()
    assert seen == [True]
    assert not left.exists()


def test_an_empty_one_whose_process_was_killed_before_it_locked_it_goes_too(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}x").mkdir()
    assert remove_abandoned(nothing) == [tmp_path / f"{PREFIX}x"]


def test_links_other_names_and_other_users_directories_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    (tmp_path / "socklat-gate-other").mkdir()
    assert remove_abandoned(nothing) == []
    (tmp_path / f"{PREFIX}x").mkdir()
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert remove_abandoned(nothing) == []
    assert elsewhere.exists()


def test_one_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = tempfile.mkdtemp, []

    def rival(prefix: str) -> str:
        made.append(real(prefix=prefix))
        if len(made) == 1:
            os.rmdir(made[0])
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", rival)
    with ScratchDirectory() as path:
        assert [str(path)] == made[1:]


def test_a_signal_while_it_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tempfile.mkdtemp

    def interrupted(prefix: str) -> str:
        path = real(prefix=prefix)
        os.kill(os.getpid(), signal.SIGINT)
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", interrupted)
    with pytest.raises(Interrupted), interruptible():
        ScratchDirectory()
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_temporary_files_there_is_nothing_to_remove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    assert remove_abandoned(nothing) == []
