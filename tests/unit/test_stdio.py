"""The command's own streams, in processes of their own: a write in part needs a real descriptor."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIZE = 1 << 17  # more than a pipe or a terminal takes at once

# Says when it is about to write, so that the signal comes while the write waits for a reader.
WRITER = f"""
import json, signal, sys
from socklat_gate.stdio import ensure_buffered_stdio
ensure_buffered_stdio()
signal.signal(signal.SIGUSR1, lambda *_: None)
sys.stderr.write("writing\\n")
print(json.dumps("x" * {SIZE}))
print(json.dumps("last"))
"""


def writer(stdout: int, program: str = WRITER, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/gate:{ROOT}", **environment},
    )


@pytest.fixture(params=["pipe", "terminal"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Where to read, and where to write."""
    if request.param == "pipe":
        ours, theirs = os.pipe()
    else:
        ours, theirs = pty.openpty()
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    yield ours, theirs
    os.close(ours)


def read_all(fd: int) -> bytes:
    found = b""
    while True:
        try:
            data = os.read(fd, 1 << 16)
        except OSError:  # how Linux says that a terminal's other end was closed
            return found
        if not data:
            return found
        found += data


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_write_that_a_signal_cuts_short_goes_on(ends: tuple[int, int], unbuffered: str) -> None:
    ours, theirs = ends
    process = writer(theirs, PYTHONUNBUFFERED=unbuffered)
    os.close(theirs)
    assert process.stderr is not None
    assert process.stderr.readline() == b"writing\n"
    found = b""
    # One signal a piece: the first ones find the process in the write, since nobody reads on.
    while len(found) < SIZE // 2:
        process.send_signal(signal.SIGUSR1)
        found += os.read(ours, 1 << 12)
    found += read_all(ours)
    assert process.wait(120) == 0
    process.stderr.close()
    assert [len(json.loads(line)) for line in found.splitlines()] == [SIZE, len("last")]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_noticed(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        process = writer(full.fileno(), PYTHONUNBUFFERED=unbuffered)
        _, said = process.communicate(timeout=120)
    assert process.returncode != 0
    assert b"No space left on device" in said


def test_what_an_encoding_lacks_is_replaced() -> None:
    program = (
        'from socklat_gate.stdio import *; ensure_buffered_stdio(); print("12\\u202f345 \\u00b5s")'
    )
    process = writer(subprocess.PIPE, program, PYTHONIOENCODING="ascii")
    found, said = process.communicate(timeout=120)
    assert (process.returncode, found, said) == (0, b"12?345 ?s\n", b"")


def test_lines_leave_at_once_and_a_closed_stream_is_no_error() -> None:
    program = (
        "import os; from socklat_gate.stdio import *; ensure_buffered_stdio(); "
        "print('out', flush=False);"
        "os.close(1); os._exit(0)"
    )
    process = writer(subprocess.PIPE, program, PYTHONUNBUFFERED="1")
    assert process.communicate(timeout=120) == (b"out\n", b"")


def test_messages_that_find_no_room_end_nothing() -> None:
    program = (
        "import sys; from socklat_gate.stdio import *; ensure_buffered_stdio(); "
        "[print('said', file=sys.stderr) for _ in range(3)]; print('done')"
    )
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=full,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/gate"},
        )
        assert process.communicate(timeout=120)[0] == b"done\n"
    assert process.returncode == 0


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_the_number_of_a_closed_stream_is_given_to_no_file(closed: int, tmp_path: Path) -> None:
    program = (
        "import os, sys; from socklat_gate.stdio import *; ensure_buffered_stdio(); "
        f"file = open({str(tmp_path / 'file')!r}, 'w'); file.write('its own'); "
        "print('out'); print('err', file=sys.stderr); os.write(2, b'of a library'); "
        "sys.exit(0 if file.fileno() > 2 else 1)"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}>&-', sys.executable, program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/gate"},
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == "its own"


def test_a_command_without_stdout_is_no_defect() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m socklat_gate --version >&-', sys.executable],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/gate"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
