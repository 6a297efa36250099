"""How ``trace`` ends: by signals, readers that leave, targets that die; with whole lines."""

from __future__ import annotations

import json
import os
import pty
import random
import signal
import time
from collections.abc import Callable

import pytest

from socklat_gate.errors import Exit
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG
from tests.e2e.terminal import Terminal, screen
from tests.e2e.traced import PORT, Container, drive, next_line, wait_for

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.PASS), (signal.SIGTERM, Exit.SIGTERM)]
)
def test_a_signal_ends_it_with_the_summary(
    gate: Gate, service: Container, number: signal.Signals, code: Exit
) -> None:
    terminal = gate.on_terminal("trace", service.name, "--interval", 0.1, out=False)
    terminal.wait_for("0 exchanges, 0/s now")
    terminal.process.send_signal(number)
    terminal.process.send_signal(number)
    done = terminal.end()
    assert done.code == code
    assert "error: " not in done.stderr
    assert "Traceback" not in done.stderr
    left = screen(terminal.shown)
    assert left[0].startswith(f"{service.name} ({DELAY_TAG})")


def test_a_termination_leaves_whole_lines(gate: Gate, service: Container) -> None:
    process = gate.start("trace", service.name, "--json", "--interval", 0.1)
    next_line(process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    done = gate.end(process)
    assert (done.code, done.stderr) == (Exit.SIGTERM, "")
    assert [json.loads(line)["counters"]["seen"] for line in done.stdout.splitlines()][-1] == 0


def test_a_reader_that_goes_away_ends_it(gate: Gate, service: Container) -> None:
    process = gate.start("trace", service.name, "--json", "--interval", 0.1)
    assert process.stdout is not None
    next_line(process)
    process.stdout.close()
    assert process.wait(20) == Exit.PASS
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_it_ends_with_its_container(gate: Gate, mortal: Container) -> None:
    process = gate.start("trace", mortal.name, "--json", "--interval", 0.1)
    next_line(process)
    mortal.kill()
    done = gate.end(process, within_s=20)
    assert done.code == Exit.PASS
    assert done.stderr == f"{mortal.name} ({DELAY_TAG}) has ended\n"


def test_the_end_of_the_container_is_noticed_between_two_looks(
    gate: Gate, mortal: Container
) -> None:
    terminal = gate.on_terminal("trace", mortal.name, "--interval", 60, out=False)
    terminal.wait_for("watching ")
    mortal.kill()
    done = terminal.end()
    assert done.code == Exit.PASS
    assert screen(done.stderr)[-1] == f"{mortal.name} ({DELAY_TAG}) has ended"


@pytest.mark.parametrize("to", ["pipe", pytest.param("file", marks=pytest.mark.slow), "terminal"])
def test_ctrl_c_cuts_no_line_off(gate: Gate, service: Container, to: str) -> None:
    """A signal as Ctrl-C sends it, but not the flush that a terminal adds to it.

    Unbuffered, as in containers; `tests/unit/trace/test_whole_lines.py` does it many times.
    """
    wait_for(service.host, PORT)
    given = ("trace", service.name, "--json", "--interval", 0.1)
    env = {"PYTHONUNBUFFERED": "1"}
    delay_s = random.Random(to).uniform(0.0, 0.1)
    path = gate.directory / "trace.jsonl"
    if to == "terminal":
        ours, theirs = pty.openpty()
        process = gate.start(*given, env=env, stdout=theirs, stderr=theirs)
        os.close(theirs)
        terminal = Terminal(process, ours, gate.out)
        terminal.wait_for("\n")
    elif to == "file":
        with path.open("wb") as file:
            process = gate.start(*given, env=env, stdout=file)
        until(lambda: b"\n" in path.read_bytes())
    else:
        process = gate.start(*given, env=env)
        next_line(process)
    drive(service.host)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    if to == "terminal":
        text = terminal.end().stderr
    else:
        done = gate.end(process)
        assert done.stderr == ""
        text = done.stdout if to == "pipe" else path.read_text("utf-8")
    assert process.returncode == Exit.PASS
    assert text.endswith("\n")
    assert json.loads(text.splitlines()[-1])["final"]
    assert all(json.loads(line)["schema_version"] == 1 for line in text.splitlines())


def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
