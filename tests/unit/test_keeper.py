"""What a process started ends with it, also when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from socklat_gate.keeper import Keeper, kept_processes
from tests.unit.load.load_waiting import gone, wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, subprocess, sys, time
from socklat_gate.keeper import Keeper
with Keeper() as keeper:
    started = subprocess.Popen(
        ["sh", "-c", sys.argv[2], "sh", sys.argv[1]],
        env={**os.environ, **keeper.environment}, start_new_session=True,
    )
    keeper.keep(started.pid)
    if len(sys.argv) > 3:
        open(sys.argv[3], "w").close()
    time.sleep(60)
"""
TOOLS = {
    "by itself": 'echo $$ >"$1/a"; exec sleep 60',
    "below a shell that ignores signals": 'trap "" TERM INT HUP; sleep 60 & echo $! >"$1/a"; wait',
    "in a group of its own": 'timeout 60 sh -c \'echo $$ >"$1/a"; sleep 60\' x "$1"',
    "in a session of its own": 'setsid sh -c \'echo $$ >"$1/a"; sleep 60\' x "$1" & wait',
    "without its environment": 'env -i sh -c \'echo $$ >"$1/a"; sleep 60\' x "$1"',
}


def pid_in(directory: Path) -> int:
    file = directory / "a"
    wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_killed_process_leaves_nothing_running(tmp_path: Path, tool: str) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), tool, str(tmp_path / "kept")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "gate")},
    )
    try:
        pid = pid_in(tmp_path)
        # Until then nobody knows of one that has thrown its environment away.
        wait_until((tmp_path / "kept").exists)
        assert not gone(pid)
        killed.send_signal(signal.SIGKILL)
        wait_until(lambda: gone(pid), within_s=5)
    finally:
        killed.kill()
        killed.wait()


def start(keeper: Keeper, script: str, directory: Path) -> subprocess.Popen[bytes]:
    started = subprocess.Popen(
        ["sh", "-c", script, "sh", str(directory)],
        env={**os.environ, **keeper.environment},
        start_new_session=True,
    )
    keeper.keep(started.pid)
    return started


def test_leaving_it_ends_what_still_runs_and_the_keeper_itself(tmp_path: Path) -> None:
    with Keeper() as keeper:
        started = start(keeper, TOOLS["in a session of its own"], tmp_path)
        pid = pid_in(tmp_path)
        own = keeper._process
        assert own is not None
    assert gone(pid)
    assert started.wait(5) == -signal.SIGKILL
    assert own.poll() == 0


def test_others_are_left_alone(tmp_path: Path) -> None:
    with Keeper() as other:
        started = start(other, 'echo $$ >"$1/a"; exec sleep 60', tmp_path)
        with Keeper():
            pid_in(tmp_path)
        assert started.poll() is None
        assert list(kept_processes([], "")) == []
    started.wait(5)


def test_it_holds_no_stream_of_the_process_open() -> None:
    """Else whoever reads that process's output to its end would wait for it."""
    code = SCRIPT.replace("time.sleep(60)", "os.kill(os.getpid(), 9)")
    done = subprocess.run(
        [sys.executable, "-c", code, "x", "exec sleep 60 >/dev/null 2>&1"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "gate")},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
