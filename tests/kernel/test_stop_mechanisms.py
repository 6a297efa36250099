"""Services that stop in a known way, and the mechanism that looks at their counters name.

Begin and end are those of a request, by this process's clock; no probe is needed.  Where both
versions of control groups are mounted, they are looked at together and each alone.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from socklat_gate.job.counter_reader import EVERY_NS, CounterRing
from socklat_gate.job.stop_use import use_within
from socklat_gate.service.container_counters import ContainerCounters
from socklat_gate.verdict.mechanism import mechanism_of
from tests.services.build import compile_service
from tests.services.groups import Groups, own_groups

pytestmark = pytest.mark.kernel
ROW = pytest.mark.row
"""Not of those that keep a CPU from others for most of a second."""

LENGTH_S = 0.8
STOPS = ("--stop-every", "600", "--stop-length", str(round(LENGTH_S * 1000)), "--stop-idle")
REQUEST = b"x" * 16
PATIENCE_S = 20.0

STARVED = 0.2
"""Of a stop, by the kernel's account of each thread: more is the doing of other processes."""
TRIES = 3

Names = dict[str, str | None]
"""By the version of control groups that was looked at; "": all that are there."""

Within = Callable[[int], AbstractContextManager[None]]
"""What is done to the process with this id while it stops."""


@pytest.fixture
def groups() -> Iterator[Groups]:
    with own_groups() as found:
        yield found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("service") / "delay"
    path.write_bytes(compile_service("delay.c"))
    path.chmod(0o755)
    return path


@contextmanager
def serving(program: Path, groups: Groups, options: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Process id and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "--port", str(port), *options]
    with subprocess.Popen(command, cwd=program.parent, preexec_fn=groups.enter) as process:  # noqa: PLW1509
        try:
            yield process.pid, port
        finally:
            process.kill()


@contextmanager
def looked_at(pid: int, proc: Path) -> Iterator[dict[str, CounterRing]]:
    """Every 100 ms, by the versions of control groups that are there."""
    kinds = {"": Path("/proc"), **{kind: only(kind, pid, proc) for kind in ("cgroup", "cgroup2")}}
    rings = {}
    for kind, place in kinds.items():
        counters = ContainerCounters(pid, place)
        if counters.read() is not None:
            rings[kind] = CounterRing(counters)
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(EVERY_NS / 1e9):
            for ring in rings.values():
                ring.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield rings
    finally:
        ended.set()
        thread.join()
        for ring in rings.values():
            ring.close()


def only(kind: str, pid: int, proc: Path) -> Path:
    """A ``/proc`` that knows one version of control groups."""
    found = proc / kind
    (found / "self").mkdir(parents=True)
    (found / str(pid)).mkdir()
    mounts = Path("/proc/self/mountinfo").read_text("utf-8").splitlines(keepends=True)
    own = "".join(line for line in mounts if f" - {kind} " in line)
    (found / "self" / "mountinfo").write_text(own, "utf-8")
    (found / str(pid) / "cgroup").symlink_to(f"/proc/{pid}/cgroup")
    (found / str(pid) / "schedstat").symlink_to(f"/proc/{pid}/schedstat")
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            (found / task.name).symlink_to(task)
    return found


def stopped(
    program: Path, groups: Groups, proc: Path, *options: str, within: Within | None = None
) -> Names:
    """The mechanism of a long request, the first in which the service got the CPU it wanted.

    With ``within``, which does not let it, of the first one.
    """
    with ExitStack() as stack:
        pid, port = stack.enter_context(serving(program, groups, options))
        connection = stack.enter_context(connected(port))
        ask(connection)  # the thread that responds is there
        rings = stack.enter_context(looked_at(pid, proc))
        time.sleep(3 * EVERY_NS / 1e9)
        for _ in range(TRIES):
            with within(pid) if within else ExitStack():
                from_ns, to_ns, waited_ns = long_request(connection, pid)
            time.sleep(3 * EVERY_NS / 1e9)
            uses = {
                kind: use_within(ring.samples(), from_ns, to_ns) for kind, ring in rings.items()
            }
            print(*uses.items(), waited_ns, sep="\n")  # noqa: T201 - what a failure is about
            if within or waited_ns < STARVED * (to_ns - from_ns):
                break
        return {kind: use and mechanism_of(use) for kind, use in uses.items()}


def connected(port: int) -> socket.socket:
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        except ConnectionRefusedError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.02)


def ask(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    left = len(REQUEST)
    while left:
        left -= len(connection.recv(left))


def long_request(connection: socket.socket, pid: int) -> tuple[int, int, int]:
    """When it began and ended, and for how long the process's threads waited for a CPU (ns)."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        from_ns, before_ns = time.monotonic_ns(), waits_ns(pid)
        ask(connection)
        to_ns = time.monotonic_ns()
        if to_ns - from_ns >= 0.6 * LENGTH_S * 1e9:
            return from_ns, to_ns, waits_ns(pid) - before_ns
        time.sleep(0.01)
    raise AssertionError("it did not stop")


def waits_ns(pid: int) -> int:
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text("ascii").split()[1]) for file in files)


def assert_all(names: Names, name: str, *, not_in_2: str | None = None) -> None:
    """``not_in_2``: what it is by version 2 alone where version 1 has the controller for it."""
    if "cgroup" in names and "cgroup2" in names and not_in_2 is not None:
        assert (names.pop("cgroup2") or "none") == not_in_2
    assert names == dict.fromkeys(names, name)


@pytest.mark.parametrize(
    ("idle", "name"), [pytest.param("1", "blocked", marks=ROW), ("0", "running")]
)
def test_one_that_sleeps_or_computes(
    program: Path, groups: Groups, tmp_path: Path, idle: str, name: str
) -> None:
    assert_all(stopped(program, groups, tmp_path, *STOPS, idle), name)


@ROW
def test_one_that_waits_for_its_pages_is_swapped(
    program: Path, groups: Groups, tmp_path: Path
) -> None:
    """A thousand of them a second: a quick disk would keep it as busy with reading."""
    device = program.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    slow = {
        ("blkio", "blkio.throttle.read_iops_device"): f"{number} 1000",
        ("", "io.max"): f"{number} riops=1000",
    }
    try:
        known = groups.set(slow)
    except OSError:
        known = False
    if not known:
        pytest.skip("the disk cannot be made slow here")
    assert_all(stopped(program, groups, tmp_path, *STOPS, "2"), "swapped", not_in_2="none")


@ROW
def test_one_that_is_out_of_its_quota_is_throttled(
    program: Path, groups: Groups, tmp_path: Path
) -> None:
    groups.set({("cpu", "cpu.cfs_quota_us"): "20000", ("", "cpu.max"): "20000 100000"})

    @contextmanager
    def limited(_pid: int) -> Iterator[None]:
        yield

    names = stopped(program, groups, tmp_path, *STOPS, "0", within=limited)
    assert_all(names, "throttled", not_in_2="runnable")


@ROW
def test_one_that_a_signal_stops_is_blocked(program: Path, groups: Groups, tmp_path: Path) -> None:
    @contextmanager
    def signalled(pid: int) -> Iterator[None]:
        os.kill(pid, signal.SIGSTOP)
        timer = threading.Timer(LENGTH_S, os.kill, (pid, signal.SIGCONT))
        timer.start()
        yield
        timer.join()

    assert_all(stopped(program, groups, tmp_path, within=signalled), "blocked")


HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
until = time.monotonic() + float(sys.argv[2])
print("ready", flush=True)
while time.monotonic() < until:
    pass
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="this process needs a CPU of its own")
def test_one_whose_only_cpu_another_process_has_was_ready_to_run(
    program: Path, groups: Groups, tmp_path: Path
) -> None:
    usable = os.sched_getaffinity(0)
    cpu = max(usable)

    @contextmanager
    def starved(pid: int) -> Iterator[None]:
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {cpu})
        os.sched_setaffinity(0, usable - {cpu})
        command = [sys.executable, "-c", HOG, str(cpu), str(LENGTH_S)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as hog:
            try:
                assert hog.stdout is not None
                if hog.stdout.readline() != b"ready\n":
                    pytest.skip("no real-time thread may run here")
                yield
            finally:
                hog.kill()
                os.sched_setaffinity(0, usable)

    assert_all(stopped(program, groups, tmp_path, within=starved), "runnable")
