"""Whether a process lives, by its start."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socklat_gate.service.owner import start_ticks

EXIT = {"x86_64": 60, "aarch64": 93}  # the system call that ends one thread
FIRST_THREAD_ENDS = """
import ctypes, sys, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)
"""


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def await_zombie(pid: int) -> None:
    until_s = time.monotonic() + 20
    while state_of(pid) != "Z":
        assert time.monotonic() < until_s
        time.sleep(0.01)


@pytest.mark.skipif(platform.machine() not in EXIT, reason="another number of that system call")
def test_one_whose_first_thread_has_ended_lives_by_its_others() -> None:
    command = [sys.executable, "-c", FIRST_THREAD_ENDS, str(EXIT[platform.machine()])]
    with subprocess.Popen(command) as process:
        try:
            before = start_ticks(process.pid)
            await_zombie(process.pid)
            assert start_ticks(process.pid) == before is not None
        finally:
            process.kill()


def test_one_that_nobody_has_waited_for_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        await_zombie(process.pid)
        assert start_ticks(process.pid) is None
