from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socklat_gate.guarded import Guarded

KILLED = """
import os, signal, sys
from socklat_gate.guarded import Guarded
one = Guarded(["sh", "-c", "sleep 600 & echo $! > $0; sleep 600", sys.argv[1]])
print(one.process.pid, flush=True)
while not (os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])): pass
os.kill(os.getpid(), signal.SIGKILL)
"""
BEFORE = """
import os, signal, subprocess, sys
from socklat_gate import guarded
real, calls = subprocess.Popen, []
class Popen(real):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        calls.append(self)
        if len(calls) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = Popen
guarded.Guarded(["sh", "-c", "echo > $0", sys.argv[1]])
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ends(pid: int) -> bool:
    until_s = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < until_s:
        time.sleep(0.01)
    return not is_running(pid)


@pytest.mark.parametrize("code", [0, 3])
def test_it_is_the_program_with_its_exit_code(tmp_path: Path, code: int) -> None:
    with (tmp_path / "out").open("wb") as out:
        one = Guarded(["sh", "-c", f"cat; echo ended; exit {code}"], stdout=out)
    assert one.process.wait(10) == code
    one.reap()
    assert (tmp_path / "out").read_text() == "ended\n"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        one = Guarded(["no-such-program"], stderr=out)
    assert one.process.wait(10) == 127
    one.reap()
    assert "no-such-program" in (tmp_path / "out").read_text()


def test_reaping_ends_its_children_too(tmp_path: Path) -> None:
    child = tmp_path / "child"
    one = Guarded(["sh", "-c", f"sleep 600 & echo $! > {child}; sleep 600"])
    while not child.exists() or not child.read_text():
        time.sleep(0.01)
    one.reap()
    assert one.process.returncode == -signal.SIGKILL
    assert ends(int(child.read_text()))


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    child = tmp_path / "child"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(child)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ends(int(done.stdout))
    assert ends(int(child.read_text()))


@pytest.mark.parametrize("started", [1, 2])
def test_it_never_begins_without_its_guard(tmp_path: Path, started: int) -> None:
    mark = tmp_path / "begun"
    command = [sys.executable, "-c", BEFORE, str(mark), str(started)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    time.sleep(0.3)
    assert not mark.exists()


def test_no_guard_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = subprocess.Popen, []

    def refuse(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise OSError(11, os.strerror(11))
        return real(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(OSError, match="temporarily"):
        Guarded(["sh", "-c", f"echo > {tmp_path}/begun"])
    assert not (tmp_path / "begun").exists()
