"""Containers that stop in a known way, and the mechanism that looks at their counters name.

Begin and end are those of a request, by this process's clock; no probe is needed.  Each is looked
at three times: with both versions of control groups where both are mounted, and as if there were
one of them only.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.job.counter_reader import EVERY_NS, CounterRing
from socklat_gate.job.stop_use import use_within
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.service.container_counters import ContainerCounters
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.session import ServiceSession
from socklat_gate.verdict.mechanism import mechanism_of
from tests.services.build import build_image

pytestmark = pytest.mark.docker

LENGTH_S = 0.8
REQUEST = b"x" * 16
PATIENCE_S = 30.0

STARVED = 0.2
"""Of a stop, by the kernel's account of each thread: more is the doing of other processes."""
MOST = 0.6
TRIES = 3

Open = Callable[..., ServiceSession]


@pytest.fixture(scope="module")
def delay(docker_client: Any) -> ImageRef:
    tag = build_image(docker_client, "delay.c", "socklat-test/delay:latest", ["/delay"])
    return resolve_image(docker_client, tag, lambda line: None)


@contextmanager
def looked_at(arm: RunningArm, proc: Path) -> Iterator[dict[str, CounterRing]]:
    """Every 100 ms, by the versions of control groups that are there."""
    kinds = {"": Path("/proc")} | {
        kind: one
        for kind in ("cgroup", "cgroup2")
        if (one := only(kind, arm.pid, proc)) is not None
    }
    rings = {kind: CounterRing(ContainerCounters(arm.pid, one)) for kind, one in kinds.items()}
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


def only(kind: str, pid: int, proc: Path) -> Path | None:
    """A ``/proc`` that knows one version only; None where that does not count CPU time."""
    found = proc / kind
    (found / "self").mkdir(parents=True)
    (found / str(pid)).mkdir()
    mounts = Path("/proc/self/mountinfo").read_text().splitlines(keepends=True)
    own = "".join(line for line in mounts if f" - {kind} " in line)
    (found / "self" / "mountinfo").write_text(own)
    (found / str(pid) / "cgroup").write_text(Path(f"/proc/{pid}/cgroup").read_text())
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            (found / task.name).symlink_to(f"/proc/{task.name}")
    (found / str(pid) / "schedstat").symlink_to(f"/proc/{pid}/schedstat")
    counters = ContainerCounters(pid, found)
    known = counters.read() is not None
    counters.close()
    return found if known else None


@dataclass(frozen=True)
class Stop:
    """Names by the version of control groups; shares of the stop by the account of each thread.

    On a busy machine other processes have the CPUs, and what a service wants to do is not what it
    does: ``ran`` and ``waited`` (for a CPU) say what that was.
    """

    names: dict[str, str | None]
    ran: float
    waited: float

    def assert_is(self, name: str) -> None:
        """All of the names are ``name``, or what other processes made of it."""
        found = set(self.names.values())
        assert found
        if self.waited < STARVED:
            assert (self.ran > MOST) == (name == "running"), "the service does not do as it is told"
            assert found == {name}, self
        elif max(self.ran, self.waited) > MOST:
            assert found == {"running" if self.ran > MOST else "runnable"}, self
        else:
            assert found <= {name, "running", "runnable", None}, self


def stopped(
    session: ServiceSession,
    image: ImageRef,
    proc: Path,
    *options: str,
    within: Callable[[RunningArm], Any] | None = None,
) -> Stop:
    """One of the long requests, of which some come one after the other.

    ``within`` is entered with the container once some have come.  Without it, of a few that are
    long the one is taken in which other processes took the least.
    """
    arm = session.start([ArmSpec("candidate", image, ["/delay", *options])])[0]
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection((arm.host, arm.port), PATIENCE_S))
        ask(connection)  # the thread that responds is there
        rings = stack.enter_context(looked_at(arm, proc))
        if within is not None:
            time.sleep(0.5)
            stack.enter_context(within(arm))
        tries = 1 if within is not None else TRIES
        found = []
        while not found or (len(found) < tries and found[-1].waited >= STARVED):
            from_ns, ran_ns, waited_ns = long_request(connection, arm.pid)
            to_ns = time.monotonic_ns()
            time.sleep(3 * EVERY_NS / 1e9)
            names = {}
            for kind, ring in rings.items():
                use = use_within(ring.samples(), from_ns, to_ns)
                print(kind, use)  # noqa: T201 - what a failure is about
                names[kind] = None if use is None else mechanism_of(use)
            length_ns = to_ns - from_ns
            found.append(Stop(names, ran_ns / length_ns, waited_ns / length_ns))
    return min(found, key=lambda one: one.waited)


def long_request(connection: socket.socket, pid: int) -> tuple[int, int, int]:
    """When it began, and what all threads of the process ran and waited for a CPU (ns)."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        from_ns, before = time.monotonic_ns(), accounts_ns(pid)
        ask(connection)
        if time.monotonic_ns() - from_ns >= 0.6 * LENGTH_S * 1e9:
            after = accounts_ns(pid)
            return from_ns, after[0] - before[0], after[1] - before[1]
        time.sleep(0.01)
    raise AssertionError("it did not stop")


def accounts_ns(pid: int) -> tuple[int, int]:
    """What all threads of a process ran, and waited for a CPU."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    accounts = [tuple(map(int, file.read_text().split()[:2])) for file in files]
    return sum(ran for ran, _ in accounts), sum(waited for _, waited in accounts)


def ask(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    left = len(REQUEST)
    while left:
        left -= len(connection.recv(left))


STOPS = ("--stop-every", "600", "--stop-length", str(round(LENGTH_S * 1000)))


@pytest.mark.parametrize(("idle", "name"), [("1", "blocked"), ("0", "running"), ("2", "swapped")])
def test_one_that_sleeps_computes_or_reads_its_pages(
    open_session: Open, delay: ImageRef, tmp_path: Path, idle: str, name: str
) -> None:
    with open_session() as session:
        stopped(session, delay, tmp_path, *STOPS, "--stop-idle", idle).assert_is(name)


def test_one_that_a_signal_stops_is_blocked(
    open_session: Open, delay: ImageRef, tmp_path: Path
) -> None:
    @contextmanager
    def signalled(arm: RunningArm) -> Iterator[None]:
        os.kill(arm.pid, signal.SIGSTOP)
        timer = threading.Timer(LENGTH_S, os.kill, (arm.pid, signal.SIGCONT))
        timer.start()
        yield
        timer.join()

    with open_session() as session:
        names = stopped(session, delay, tmp_path, within=signalled).names
    assert set(names.values()) == {"blocked"}


def test_one_that_is_out_of_its_quota_is_throttled(
    open_session: Open, delay: ImageRef, tmp_path: Path
) -> None:
    with open_session(cpus=0.05) as session:
        stop = stopped(session, delay, tmp_path, *STOPS, "--stop-idle", "0", within=quietly)
    names = stop.names
    # Where the limit is one of version 1, version 2 has no account of it: it was ready to run.
    if "cgroup" in names and "cgroup2" in names:
        assert names.pop("cgroup2") == "runnable"
    assert set(names.values()) == {"throttled"}


@contextmanager
def quietly(_arm: RunningArm) -> Iterator[None]:
    """Nothing is done to it; that it waits is what is wanted."""
    yield


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
    open_session: Open, delay: ImageRef, tmp_path: Path
) -> None:
    cpu = max(os.sched_getaffinity(0))

    @contextmanager
    def starved(arm: RunningArm) -> Iterator[None]:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, before - {cpu})
        command = [sys.executable, "-c", HOG, str(cpu), str(LENGTH_S)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as hog:
            try:
                assert hog.stdout is not None
                if hog.stdout.readline() != b"ready\n":
                    pytest.skip("no real-time thread may run here")
                yield
            finally:
                hog.kill()
                os.sched_setaffinity(0, before)

    with open_session(cpuset=str(cpu)) as session:
        names = stopped(session, delay, tmp_path, within=starved).names
    assert set(names.values()) == {"runnable"}
