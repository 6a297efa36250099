from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from socklat_gate.documents import atomic
from socklat_gate.documents.atomic import remove_half_written, write_atomic
from socklat_gate.errors import UsageError

KILLED = """
import os, signal, sys
from pathlib import Path
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
from socklat_gate.documents.atomic import write_atomic
write_atomic(Path(sys.argv[1]), b"half of it", overwrite=True)
"""


def killed_while_writing(path: Path) -> Path:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = path.parent.glob(".*.tmp")
    return left


def test_what_a_killed_writer_left_goes_with_the_next_write_there(tmp_path: Path) -> None:
    left = killed_while_writing(tmp_path / "result.json")
    write_atomic(tmp_path / "other.json", b"whole", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]
    assert not left.exists()


def test_what_is_being_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = os.fsync, []

    def look(handle: int) -> None:
        remove_half_written(tmp_path)
        seen.append(len(list(tmp_path.glob(".*.tmp"))))
        real(handle)

    monkeypatch.setattr(os, "fsync", look)
    write_atomic(tmp_path / "result.json", b"whole", overwrite=True)
    assert seen[0] == 1
    assert (tmp_path / "result.json").read_bytes() == b"whole"


def test_one_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = atomic.is_locked_and_there, []

    def rival(handle: int, path: Path) -> bool:
        calls.append(path)
        if len(calls) == 1:
            path.unlink()
        return real(handle, path)

    monkeypatch.setattr(atomic, "is_locked_and_there", rival)
    write_atomic(tmp_path / "result.json", b"whole", overwrite=True)
    assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("name", ["notes.tmp", ".x.tmp", ".result.json.0123456789ab.tmpx"])
def test_files_of_others_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    remove_half_written(tmp_path)
    assert (tmp_path / name).exists()


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        write_atomic(tmp_path / "no" / "result.json", b"whole", overwrite=True)
