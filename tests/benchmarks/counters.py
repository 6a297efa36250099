"""What it costs to look at the counters of all replicas of a watch.

    sudo python -m tests.benchmarks.counters [--seconds S]

Services that do nothing, in control groups of their own as containers are, so many as two arms of
8, 16 and 32 replicas have.  Looks are taken one after the other first, then by the reader's own
thread while this process does nothing else.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from socklat_gate.job.counter_reader import CounterReader
from socklat_gate.measured.pair import ARMS
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import say
from tests.services.build import compile_service
from tests.services.groups import own_groups

REPLICAS = (8, 16, 32)
LOOKS = 200
FIRST_PORT = 27_000


@dataclass(frozen=True)
class Cost:
    """Of ``containers``: one look at all (us, median), CPU share, time between looks (ms)."""

    containers: int
    look_us: float
    share: float
    every_ms: float
    files: int


def cost_of(pids: list[int], seconds: float) -> Cost:
    """With the reader's thread as the only work of this process for so long."""
    files = len(os.listdir("/proc/self/fd"))
    with closing(CounterReader()) as reader:
        rings = [reader.follow(pid) for pid in pids]
        assert not {"cgroup", "thread"}.intersection(rings), "the counters cannot be read here"
        files = len(os.listdir("/proc/self/fd")) - files
        look_us = median(reader.look() / 1e3 for _ in range(LOOKS))
        time.sleep(1.0)
        before_ns, began_s = time.process_time_ns(), time.monotonic()
        time.sleep(seconds)
        used_ns = time.process_time_ns() - before_ns
        share = used_ns / 1e9 / (time.monotonic() - began_s)
        return Cost(len(pids), look_us, share, reader.every_ns / 1e6, files)


def measured(seconds: float) -> list[Cost]:
    """One row for each number of replicas; processes are added from row to row."""
    costs = []
    with ExitStack() as stack:
        program = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "delay"
        program.write_bytes(compile_service("delay.c"))
        program.chmod(0o755)
        pids: list[int] = []
        for replicas in REPLICAS:
            while len(pids) < replicas * len(ARMS):
                groups = stack.enter_context(own_groups())
                port = str(FIRST_PORT + len(pids))
                command = [str(program), "--port", port]
                process = subprocess.Popen(command, preexec_fn=groups.enter)  # noqa: PLW1509
                stack.callback(process.wait)
                stack.callback(process.kill)
                pids.append(process.pid)
            say(f"{len(pids)} processes are up")
            costs.append(cost_of(pids, seconds))
    return costs


def main() -> int:
    """Prints the page's tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each row (default 20)")
    chosen = parser.parse_args()
    titles = ("replicas", "one look at all, us", "at one of them, us", "ms between looks",
              "share of one CPU", "open files")  # fmt: skip
    rows = [
        (
            f"{one.containers // 2} + {one.containers // 2}",
            f"{one.look_us:.0f}",
            f"{one.look_us / one.containers:.1f}",
            f"{one.every_ms:.0f}",
            f"{100 * one.share:.2f}%",
            str(one.files),
        )
        for one in measured(chosen.seconds)
    ]
    print(table(titles, rows))
    print()
    print(
        "CPU time: the median of "
        f"{LOOKS} looks in a row, and of the whole process while its one thread looks for "
        f"{chosen.seconds:.0f} s. In a gate looks are taken beside other work, whose memory they "
        "push out of the caches, so that one takes longer; where looks would take more than 1% of "
        "a CPU, they come more rarely, at most 250 ms apart."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
