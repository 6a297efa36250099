"""What tracing costs a service at saturation, beside what one would use instead.

    python tests/benchmarks/overhead.py [--rounds 20] [--seconds 1] > docs/lab/overhead.md

Every round runs the load once without tracing and once under each tracer, in random order; the
figures are medians over the rounds of ratios within a round, with 95% bootstrap intervals.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from socklat_gate.environment import cpu_model
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import kernel_types
from socklat_gate.probe.kernel_source import kernel_source
from socklat_gate.probe.missed import time_spent
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.traffic import Traffic
from socklat_gate.service.client import connect

HERE = Path(__file__).parent
SETTLE_S = 2.0
HTTP_PORT = 8080
BATCH = 20_000  # small enough that the slowest tracer ends one in seconds
Load = Callable[[str], int]
THROUGHPUT_GOALS = {"headline": 0.99, "full": 0.97}
KERNEL_NS_GOALS = {"headline": 500, "full": 1200}
START_GOAL_S = 1.0
STARTS = 5


def redis_get(seconds: float) -> Load:
    def run(address: str) -> int:
        deadline = time.monotonic() + seconds
        done = 0
        while time.monotonic() < deadline:
            command = ["redis-benchmark", "-h", address, "-c", "32", "-n", str(BATCH), "-t", "get"]
            subprocess.run([*command, "-q"], check=True, stdout=subprocess.DEVNULL)
            done += BATCH
        return done

    return run


def nginx_get(seconds: float) -> Load:
    def run(address: str) -> int:
        command = ["wrk", "-t1", "-c32", f"-d{max(1, round(seconds))}s", f"http://{address}:8080/"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        match = re.search(r"(\d+) requests in", text)
        assert match is not None, text
        return int(match.group(1))

    return run


SERVICES: dict[str, tuple[str, int, Callable[[float], Load]]] = {
    "Redis GET": ("socklat-demo/redis:base", 6379, redis_get),
    "nginx": ("socklat-bench/nginx:latest", HTTP_PORT, nginx_get),
}


@contextmanager
def probe(detail: Any, inode: int, port: int) -> Iterator[None]:
    with SocketProbe(detail=detail) as running:
        running.watch(0, inode, port, apart=True)
        now_ns = time.monotonic_ns()
        running.record_between(0, now_ns, now_ns + 10**13, traffic=traffic_of(port))
        yield


def traffic_of(port: int) -> Traffic:
    """As a gate's scenario says it: HTTP is looked at, Redis is not."""
    return Traffic(one_outstanding=True, http=port == HTTP_PORT)


@contextmanager
def command(*argv: str) -> Iterator[None]:
    """A tracer as a process; raises `RuntimeError` with its words when it does not start."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(SETTLE_S)
    if process.poll() is not None:
        assert process.stderr is not None
        words = process.stderr.read().strip().splitlines()
        raise RuntimeError(next((line for line in words if "error" in line.lower()), words[-1]))
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tracers(pids: list[str], inode: int, port: int) -> dict[str, Callable[[], Any]]:
    traced = ",".join(pids)
    return {
        "socklat-gate, headline": lambda: probe("headline", inode, port),
        "socklat-gate, full": lambda: probe("full", inode, port),
        "bpftrace, equivalent script": lambda: command("bpftrace", str(HERE / "equivalent.bt")),
        "tcplife (BCC)": lambda: command("tcplife-bpfcc"),
        "tcprtt (BCC)": lambda: command("tcprtt-bpfcc"),
        "tcpdump -w": lambda: command(
            "tcpdump", "-i", "any", "-s", "128", "-w", "/dev/null", f"port {port}"
        ),
        "strace -c": lambda: command("strace", "-f", "-c", "-o", "/dev/null", "-p", traced),
    }


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed at, and what came out."""

    what: str
    wanted: float
    measured: float
    at_least: bool = False

    def row(self) -> str:
        """A row of the table of goals."""
        missed_by = self.wanted - self.measured if self.at_least else self.measured - self.wanted
        sign = ">=" if self.at_least else "<="
        outcome = "reached" if missed_by <= 0 else f"missed by {missed_by:.3g}"
        return f"| {self.what} | {sign} {self.wanted:.3g} | {self.measured:.3g} | {outcome} |"


def start_up_s(detail: Any) -> float:
    """Median time of several starts in s: BTF, compilation, loading, attaching."""
    took = []
    for _ in range(STARTS):
        started = time.monotonic()
        with SocketProbe(detail=detail):
            took.append(time.monotonic() - started)
    return float(np.median(took))


def busy_ticks() -> int:
    fields = [int(f) for f in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = fields
    return user + nice + system + irq + softirq


def measure(load: Load, address: str) -> tuple[float, float]:
    """Requests per second and CPU ticks per request, all of the machine's."""
    ticks, started = busy_ticks(), time.monotonic()
    requests = load(address)
    elapsed = time.monotonic() - started
    return requests / elapsed, (busy_ticks() - ticks) / requests


def interval(ratios: np.ndarray, rng: np.random.Generator) -> str:
    draws = np.median(rng.choice(ratios, size=(4000, ratios.size)), axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{np.median(ratios):.3f} ({low:.3f}-{high:.3f})"


def one_service(name: str, rounds: int, seconds: float, client: Any) -> list[Goal]:
    image, port, make = SERVICES[name]
    load = make(seconds)
    container = client.containers.run(image, detach=True)
    try:
        container.reload()
        pid = int(container.attrs["State"]["Pid"])
        address = container.attrs["NetworkSettings"]["IPAddress"]
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        time.sleep(1.0)
        # Workers too: strace follows only those that are forked later.
        pids = [line[1] for line in container.top()["Processes"]]
        rows, refused = compare(load, address, tracers(pids, inode, port), rounds)
        costs = {d: kernel_time(d, load, address, inode, port) for d in ("headline", "full")}
        floor_ns = accounting_ns(load, address)
    finally:
        container.remove(force=True)
    print(f"\n## {name}\n")
    print("| tracer | throughput, ratio to untraced | CPU per request, ratio to untraced |")
    print("|:--|--:|--:|")
    rng = np.random.default_rng(1)
    for tracer, pairs in rows.items():
        ratios = np.array(pairs)
        print(f"| {tracer} | {interval(ratios[:, 0], rng)} | {interval(ratios[:, 1], rng)} |")
    for tracer, why in refused.items():
        print(f"| {tracer} | does not run here | `{why[:120]}` |")
    goals = [
        Goal(
            f"{name}, {detail}: throughput, ratio to untraced",
            goal,
            float(np.median([ratio for ratio, _ in rows[f"socklat-gate, {detail}"]])),
            at_least=True,
        )
        for detail, goal in THROUGHPUT_GOALS.items()
    ]
    cpu = {
        tracer: float(np.median([ratio for _, ratio in pairs])) for tracer, pairs in rows.items()
    }
    peers = {tracer: ratio for tracer, ratio in cpu.items() if not tracer.startswith("socklat")}
    cheapest = min(peers, key=peers.__getitem__)
    goals += [
        Goal(
            f"{name}, {detail}: CPU a request, as against {cheapest}",
            peers[cheapest],
            cpu[f"socklat-gate, {detail}"],
        )
        for detail in THROUGHPUT_GOALS
    ]
    print("\n| detail | event | runs a request | ns a run | ns a request |\n|:--|:--|--:|--:|--:|")
    for detail, (requests, programs) in costs.items():
        total = 0.0
        for program, (runs, run_ns) in sorted(programs.items()):
            total += run_ns / requests
            each = run_ns / max(1, runs)
            shares = f"{runs / requests:.2f} | {each:.0f} | {run_ns / requests:.0f}"
            print(f"| {detail} | `{program}` | {shares} |")
        runs_all = sum(runs for runs, _ in programs.values()) / requests
        net = total - runs_all * floor_ns
        print(f"| {detail} | **all** | {runs_all:.2f} |  | **{total:.0f}** |")
        print(f"| {detail} | **all, without the accounting** |  |  | **{net:.0f}** |")
        wanted = KERNEL_NS_GOALS[detail]
        goals.append(Goal(f"{name}, {detail}: kernel time a request, ns", wanted, net))
    print(f"\nA program that does nothing is accounted {floor_ns:.0f} ns a run here: the")
    print("accounting's own clock readings, which are off otherwise.")
    return goals


def compare(
    load: Load, address: str, modes: dict[str, Callable[[], Any]], rounds: int
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, str]]:
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in modes}
    refused: dict[str, str] = {}
    rng = random.Random(1)
    for number in range(rounds):
        order = ["untraced", *(name for name in modes if name not in refused)]
        rng.shuffle(order)
        got: dict[str, tuple[float, float]] = {}
        for name in order:
            try:
                with modes[name]() if name in modes else nullcontext():
                    got[name] = measure(load, address)
            except (RuntimeError, FileNotFoundError) as error:
                refused[name] = str(error)
        for name in modes:
            if name in got:
                rate, cpu = (a / b for a, b in zip(got[name], got["untraced"], strict=True))
                rows[name].append((rate, cpu))
        print(f"round {number + 1}/{rounds}", file=sys.stderr)
    return {name: pairs for name, pairs in rows.items() if pairs}, refused


def kernel_time(
    detail: Any, load: Load, address: str, inode: int, port: int
) -> tuple[int, dict[str, tuple[int, int]]]:
    """Requests, and event -> (runs, ns) by the kernel's own account (bpf_stats)."""
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text("ascii")
    with ExitStack() as stack:
        running = stack.enter_context(SocketProbe(detail=detail))
        running.watch(0, inode, port, apart=True)
        now_ns = time.monotonic_ns()
        running.record_between(0, now_ns, now_ns + 10**13, traffic=traffic_of(port))
        switch.write_text("1", encoding="ascii")
        stack.callback(switch.write_text, before, "ascii")
        requests = load(address)
        return requests, {event: (n, ns) for event, (ns, n) in running.costs().items()}


def accounting_ns(load: Load, address: str) -> float:
    """What bpf_stats shows for a run of a program that does nothing, in ns."""
    bcc = load_bcc()
    source = (HERE / "empty.c").read_text("utf-8")
    with kernel_source(source, kernel_types()):
        program = bcc.BPF(text=source.encode(), cflags=["-w"])
    loaded = program.load_func(b"on_nothing", bcc.BPF.RAW_TRACEPOINT)
    program.attach_raw_tracepoint(tp=b"sock_send_length", fn_name=b"on_nothing")
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text("ascii")
    try:
        switch.write_text("1", encoding="ascii")
        load(address)
        spent_ns, runs = time_spent(loaded.fd)
        return spent_ns / max(1, runs)
    finally:
        switch.write_text(before, encoding="ascii")
        program.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0)
    chosen = parser.parse_args()
    client = connect()
    version = client.version()["Version"]
    print("# What tracing costs\n")
    print("Written by `ci/bench overhead`. Median of ratios within a round (95% bootstrap")
    print(f"interval), {chosen.rounds} rounds in random order, {chosen.seconds:g} s each;")
    print(f"{os.cpu_count()} CPUs ({cpu_model()}), Linux {os.uname().release}, Docker {version}.")
    goals = [
        Goal(f"{detail}: start-up, s", START_GOAL_S, start_up_s(detail))
        for detail in ("headline", "full")
    ]
    with SocketProbe(detail="full") as running:
        map_bytes = running.map_bytes()
    print(f"Maps of the full set on this machine: {map_bytes / 2**20:.1f} MiB.")
    for name in SERVICES:
        goals += one_service(name, chosen.rounds, chosen.seconds, client)
    print("\n## Goals\n\n| what | goal | measured | outcome |\n|:--|--:|--:|:--|")
    print("\n".join(goal.row() for goal in goals))
    print(f"\nStart-up is the median of {STARTS}: BTF, compilation, loading, attaching.")


if __name__ == "__main__":
    assert shutil.which("redis-benchmark"), "install redis-tools"
    assert shutil.which("wrk"), "install wrk"
    main()
