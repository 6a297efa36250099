"""Lines of ``trace --json`` under signals at random moments: none is cut off, the last is whole."""

from __future__ import annotations

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SIGNALS = 20
SIZE = 6_000  # a line of a trace; a terminal takes 2,048 bytes at once

# `SIGNALS` traces one after the other in one process, each ended by a signal, without the probe.
PROGRAM = f"""
import json
from socklat_gate.commands.output import emit
from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import interruptible, settle_signal, defer_signals
from socklat_gate.stdio import ensure_buffered_stdio
from socklat_gate.trace.polling import poll_until
from socklat_gate.trace.lifetime import Lifetime

ensure_buffered_stdio()
for number in range({SIGNALS}):
    def show(final):
        return emit(json.dumps({{"of": number, "final": final, "pad": "x" * {SIZE}}}))
    with interruptible(), Lifetime(0) as lifetime:
        try:
            poll_until(lambda: False, show, lifetime, interval_s=0.001)
        except Interrupted:
            settle_signal()
        with defer_signals():
            show(True)
"""


class Traces:
    """The process, and what it has written so far."""

    def __init__(self, stdout: int, read: Callable[[], bytes]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdout=stdout,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/gate:{ROOT}", "PYTHONUNBUFFERED": "1"},
        )
        os.close(stdout)
        self.text = bytearray()
        self._read = read

    def end_each(self, chance: random.Random) -> None:
        """One signal to each trace, some time after its first line."""
        for number in range(SIGNALS):
            # What was searched is not searched again: a file grows faster than that.
            mark, known = b'"of": %d,' % number, len(self.text)
            self.until(lambda mark=mark, known=known: self.text.find(mark, known) >= 0)
            due_s = time.monotonic() + chance.uniform(0, 0.02)
            self.until(lambda due_s=due_s: time.monotonic() > due_s)
            self.process.send_signal(signal.SIGINT)
        assert self.read_to_the_end() == 0

    def until(self, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline_s
            assert self.process.poll() is None
            self.text += self._read()

    def read_to_the_end(self) -> int:
        while self.process.poll() is None:
            self.text += self._read()
        while data := self._read():
            self.text += data
        return self.process.returncode


@pytest.fixture(params=["pipe", "file", "terminal"])
def traces(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Traces]:
    if request.param == "pipe":
        ours, theirs = os.pipe()
    elif request.param == "terminal":
        ours, theirs = pty.openpty()
    else:
        path = tmp_path / "trace.jsonl"
        theirs = os.open(path, os.O_WRONLY | os.O_CREAT)
        ours = os.open(path, os.O_RDONLY)
    os.set_blocking(ours, False)

    def read() -> bytes:
        try:
            data = os.read(ours, 1 << 20)
        except OSError:  # nothing there yet, or a terminal whose other end was closed
            data = b""
        if not data:
            time.sleep(0.0002)
        return data

    running = Traces(theirs, read)
    yield running
    running.process.kill()
    running.process.wait()
    os.close(ours)


def test_no_line_is_cut_off(traces: Traces) -> None:
    traces.end_each(random.Random(7))
    assert traces.text.endswith(b"\n")
    lines = [json.loads(line) for line in traces.text.splitlines()]
    assert {len(line["pad"]) for line in lines} == {SIZE}
    for number in range(SIGNALS):
        own = [line["final"] for line in lines if line["of"] == number]
        assert own == [False] * (len(own) - 1) + [True]
