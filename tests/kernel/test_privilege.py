"""What the probe may do and does: two capabilities, no files that others can write, then none."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.probe.btf import kernel_types
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS
from socklat_gate.probe.kernel_source import flatten, kernel_source
from tests.services.here import echo_here

pytestmark = [pytest.mark.kernel, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
DRIVER = [sys.executable, "-P", "-m", "tests.kernel.unprivileged_probe"]
CAP_PERFMON, CAP_BPF = 38, 39
ENV = {**os.environ, "PYTHONPATH": f"{ROOT}/gate:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
EXCHANGES = 7
WORLD_WRITABLE = ("/tmp", "/var/tmp", "/dev/shm")


def run(prefix: list[str]) -> Any:
    done = subprocess.run(
        [*prefix, *DRIVER],
        cwd=ROOT,
        env=ENV,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def tool(name: str) -> str:
    """Path of a program of the system that these tests need."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(scope="module")
def nobody() -> list[str]:
    """The command that becomes an ordinary user."""
    if os.geteuid() != 0:
        pytest.skip("only root can become someone else")
    command = [tool("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    reads = [*command, sys.executable, "-P", "-c", "import socklat_gate.probe.probe"]
    done = subprocess.run(reads, cwd="/", env=ENV, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"an ordinary user cannot read this checkout: {done.stderr[-200:]}")
    return command


def holding(nobody: list[str], capabilities: str) -> list[str]:
    return [*nobody, f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", "--"]


@pytest.fixture(scope="module")
def found(nobody: list[str]) -> Any:
    """What the probe of an ordinary user with two capabilities measured."""
    return run(holding(nobody, "+bpf,+perfmon"))


def test_two_capabilities_are_enough_for_an_ordinary_user(found: Any) -> None:
    assert found["uid"] == 65534
    assert found["effective"] == 1 << CAP_BPF | 1 << CAP_PERFMON
    assert found["recorded"] == found["service"] == EXCHANGES
    assert found["missed"] == 0


def test_what_an_ordinary_user_cannot_attach_is_said_to_be_not_measured(found: Any) -> None:
    hooks = found["hooks"]
    # perf tracepoints are found through tracefs, which is root's.
    assert not [hook for hook in hooks.values() if hook.startswith("tracepoint:")]
    required = {event.name for event in EVENTS if not event.optional}
    assert required <= hooks.keys()
    without = {stage for stage, needs in STAGE_NEEDS.items() if not set(needs) <= hooks.keys()}
    assert without.isdisjoint(found["stages"])
    assert found["stages"] == found["histograms"]
    if "accept" not in hooks:
        assert "accept_wait" not in found["stages"]


@pytest.mark.parametrize(("given", "missing"), [("+bpf", "CAP_PERFMON"), ("+perfmon", "CAP_BPF")])
def test_without_one_of_the_two_the_other_is_named(
    nobody: list[str], given: str, missing: str
) -> None:
    command = [*holding(nobody, given), *DRIVER]
    done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"not permitted: {missing} missing" in done.stderr


CALL = re.compile(
    r'^\d+ +(?:(?P<call>\w+)\((?:AT_FDCWD(?:<[^>]*>)?, )?"(?P<path>[^"]*)"(?P<rest>.*))$', re.M
)


def test_nothing_in_a_directory_that_all_can_write_is_opened_but_its_own(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    calls = "open,openat,openat2,creat,execve,mkdir,mkdirat,rename,renameat,renameat2,link,symlink"
    command = [tool("strace"), "-f", "-qq", "-s", "4096", "-e", f"trace={calls}", "-o", str(trace)]
    # Without TMPDIR, as on most machines; what tests themselves put there is not looked at.
    env = {name: text for name, text in ENV.items() if name not in ("TMPDIR", "TEMP", "TMP")}
    if str(ROOT).startswith(WORLD_WRITABLE) or sys.prefix.startswith(WORLD_WRITABLE):
        own = (str(ROOT), sys.prefix, str(tmp_path))
    else:
        own = (str(tmp_path),)
    done = subprocess.run(
        [*command, *DRIVER], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr and done.returncode:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    made: list[str] = []
    strange: list[str] = []
    seen = 0
    for found in CALL.finditer(trace.read_text("utf-8", errors="replace")):
        call, path, rest = found["call"], found["path"], found["rest"]
        seen += 1
        if not path.startswith(tuple(f"{place}/" for place in WORLD_WRITABLE)):
            continue
        if path.startswith(own):
            continue
        if call.startswith("mkdir") and rest.startswith(", 0700) = 0"):
            made.append(path)
        elif not any(path == one or path.startswith(f"{one}/") for one in made):
            strange.append(found[0])
    assert seen > 100, "strace saw next to nothing"
    strange = [line for line in strange if not is_tempfile_trial(line)]
    assert strange == []
    private = [path for path in made if "/socklat-gate-" in path]
    assert len(private) == 1
    assert not [path for path in made if Path(path).exists()]


def is_tempfile_trial(line: str) -> bool:
    """Python's ``tempfile`` proves that it may write by a new file of a random name."""
    return "O_CREAT|O_EXCL|O_NOFOLLOW" in line


def test_the_directory_for_the_compiler_is_private() -> None:
    with kernel_source(flatten(), kernel_types()) as directory:
        status = directory.stat()
        assert stat.S_IMODE(status.st_mode) == 0o700
        assert status.st_uid == os.geteuid()
        assert not directory.is_symlink()


@pytest.fixture
def service() -> Iterator[int]:
    """Port of an echo server of this process."""
    with echo_here() as port:
        yield port


@pytest.fixture
def tracing(service: int) -> Iterator[subprocess.Popen[bytes]]:
    """A ``trace`` of that server, after its first look."""
    options = ["--port", str(service), "--json", "--interval", "0.1", "--full"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "socklat_gate", "trace", *options],
        env=ENV,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    look(process)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def look(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        assert process.stderr is not None
        pytest.fail(process.stderr.read().decode())
    return json.loads(line)


def capabilities(pid: int) -> dict[str, list[int]]:
    """By name, the sets of all threads of a process."""
    found: dict[str, list[int]] = {}
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        for name, value in re.findall(r"^(Cap\w+|NoNewPrivs):\s*(\w+)$", path.read_text(), re.M):
            found.setdefault(name, []).append(int(value, 16))
    return found


def ask(port: int, times: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        for _ in range(times):
            client.sendall(b"ask")
            client.recv(16)


def test_trace_holds_no_capability_while_it_runs_and_still_counts(
    tracing: subprocess.Popen[bytes], service: int
) -> None:
    major, minor = map(int, re.findall(r"\d+", os.uname().release)[:2])
    # Before 5.19 even a map that is open asks for CAP_BPF where unprivileged BPF is disabled.
    left = 0 if (major, minor) >= (5, 19) else capabilities(tracing.pid)["CapEff"][0]
    assert left in (0, 1 << CAP_BPF)
    before = look(tracing)["counters"]["recorded"]
    ask(service, EXCHANGES)
    deadline_s = time.monotonic() + 20
    while (last := look(tracing))["counters"]["recorded"] < before + EXCHANGES:
        assert time.monotonic() < deadline_s, last["counters"]
    held = capabilities(tracing.pid)
    assert set(held["CapEff"]) == set(held["CapPrm"]) == {left}
    assert set(held["CapInh"]) == set(held["CapAmb"]) == {0}
    assert set(held["NoNewPrivs"]) == {1}
    tracing.send_signal(signal.SIGINT)
    out, err = tracing.communicate(timeout=20)
    assert (tracing.returncode, err) == (0, b"")
    # The last line, read without capabilities too, is whole.
    assert json.loads(out.splitlines()[-1])["counters"]["recorded"] == before + EXCHANGES
