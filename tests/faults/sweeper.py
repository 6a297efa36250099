"""What the next start of a gate does first, whatever it goes on to do; once for each room.

A process of its own, which imports the gate once: a line of JSON on stdin (``directory`` and
``temporary``) is swept in a child, and its line on stdout says what went wrong, "" for nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from socklat_gate.job.entry import docker_client
from socklat_gate.job.progress import Progress
from socklat_gate.report.writer import check_writable, discard_reports

__all__ = ["Sweeper"]


class Sweeper:
    """The other end of it; for several threads, one after the other."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.sweeper"],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def sweep(self, directory: Path, temporary: Path) -> None:
        """As a gate that is started in ``directory``; raises `RuntimeError` where it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"directory": str(directory), "temporary": str(temporary)})
        with self._lock:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            said = json.loads(self._process.stdout.readline())
        if said:
            raise RuntimeError(f"the next start fails: {said}")


def _serve() -> None:
    for line in sys.stdin:
        print(json.dumps(_in_child(json.loads(line))), flush=True)


def _in_child(room: Mapping[str, str]) -> str:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        try:
            _sweep(Path(room["directory"]), room["temporary"])
        except BaseException as error:  # told by the process that waits
            os.write(theirs, repr(error).encode())
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as file:
        said = file.read().decode()
    os.waitpid(pid, 0)
    return said


def _sweep(directory: Path, temporary: str) -> None:
    os.chdir(directory)
    os.environ["TMPDIR"], tempfile.tempdir = temporary, None
    out = Path("out")
    check_writable(out)
    discard_reports(out)
    docker_client(Progress(quiet=True)).close()


if __name__ == "__main__":
    _serve()
