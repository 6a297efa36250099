"""Whether everything that happens is counted, once and for the right target, at full churn.

    python -m tests.benchmarks.churn [--seconds 60] [--rounds 1000] > docs/lab/completeness.md

Connections as fast as the machine makes them; other tools' counts beside the kernel's; two
containers under different load at once.  Exit 1 when one identity does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.environment import cpu_model
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.service.client import connect
from tests.conformance.containers import Container, bridge
from tests.conformance.lab import Lab
from tests.conformance.load_tools import redis_benchmark, wrk_for_a_second, wrk_with_a_quota
from tests.conformance.rounds import Side, one_round
from tests.conformance.stand import EVER_NS, PORT, await_listening, open_connections, running
from tests.services.build import build_image

SETTLE_S = 1.0
WANTED_PER_S = 10_000
LENGTHS = (16, 47)
DELAY_TAG = "socklat-test/delay:latest"
REQUESTS, CLIENTS = 100_003, 17  # primes
PARTS = ("recorded", "filtered", "no_response", "dropped_map_full", "pending")


@dataclass(frozen=True, slots=True)
class Churn:
    """A minute of churn: ``told`` is the client's own count, memory in KiB before and after."""

    told: Mapping[str, int]
    counters: Mapping[str, int]
    most_entries: int
    entries_left: int
    missed: int
    memory_kib: tuple[Mapping[str, int], Mapping[str, int]]

    @property
    def holds(self) -> bool:
        counted = self.counters
        return (
            counted["seen"] == sum(counted[part] for part in PARTS) == self.told["connections"]
            and counted["connections"] == self.told["connections"]
            and self.told["responses"] <= counted["recorded"]
            and not (self.entries_left or self.missed or self.told["failed"])
            and not (counted["pending"] or counted["adopted"] or counted["dropped_map_full"])
        )


def memory_kib(probe: SocketProbe) -> dict[str, int]:
    fields = {"this process": ("self/status", "VmRSS"), "kernel slabs": ("meminfo", "Slab")}
    found = {"the probe's maps": probe.map_bytes() // 1024}
    for name, (path, field) in fields.items():
        match = re.search(rf"^{field}:\s*(\d+) kB", Path("/proc", path).read_text("ascii"), re.M)
        assert match is not None, field
        found[name] = int(match.group(1))
    return found


def churn(lab: Lab, probe: SocketProbe, *, inside: bool, threads: int, seconds: int) -> Churn:
    command = ["ip", "netns", "exec", lab.namespace] if inside else []
    command += [lab.program("churn"), "--host", "127.0.0.1" if inside else lab.inside4]
    command += ["--port", str(PORT), "--seconds", str(seconds), "--threads", str(threads)]
    # A port in TIME_WAIT is gone for a minute: with many of them connect() searches for long.
    command += ["--fin-every", "3000"]
    most, before, missed = 0, memory_kib(probe), probe.missed()
    with running(lab.start("--port", str(PORT), program="echo")) as service:
        await_listening(service, PORT)
        probe.watch(0, lab.netns_inode, PORT, apart=True)
        probe.record_between(0, 0, EVER_NS)
        try:
            with running(subprocess.Popen(command, stdout=subprocess.PIPE)) as client:
                while client.poll() is None:
                    most = max(most, open_connections(probe, lab.netns_inode))
                    time.sleep(1.0)
                told = json.loads(client.communicate()[0])
            time.sleep(SETTLE_S)
            left = open_connections(probe, lab.netns_inode)
            counters = dict(probe.read(0).counters)
        finally:
            probe.forget(0)
    after = memory_kib(probe)
    return Churn(told, counters, most, left, probe.missed() - missed, (before, after))


def show_churn(seconds: int) -> bool:
    runs: dict[str, Churn] = {}
    with Lab() as lab, SocketProbe() as probe:
        for name, inside, threads in (
            ("veth pair, from the host", False, 2),
            ("loopback, both ends the target's", True, 16),
        ):
            runs[name] = churn(lab, probe, inside=inside, threads=threads, seconds=seconds)
            print(f"churn over {name}: done", file=sys.stderr)
    rows: dict[str, list[str]] = {
        "connections per second": [f"{r.told['connections'] / seconds:,.0f}" for r in runs.values()]
    }
    for name, key in {
        "**connections, the client's count**": "connections",
        "responses, the client's count": "responses",
        "connections that failed": "failed",
    }.items():
        rows[name] = [f"{r.told[key]:,}" for r in runs.values()]
    for name, key in {
        "**connections, the kernel's count**": "connections",
        "connections that the target opened": "dependencies",
        "exchanges seen": "seen",
        "= recorded": "recorded",
        "+ closed without a response": "no_response",
        "+ filtered": "filtered",
        "+ no room in the map": "dropped_map_full",
        "+ still open": "pending",
    }.items():
        rows[name] = [f"{r.counters[key]:,}" for r in runs.values()]
    rows["entries in the map, most seen"] = [f"{r.most_entries:,}" for r in runs.values()]
    rows["**entries left in the map**"] = [f"{r.entries_left:,}" for r in runs.values()]
    rows["invocations that the kernel skipped"] = [f"{r.missed:,}" for r in runs.values()]
    for name in next(iter(runs.values())).memory_kib[0]:
        pairs = [(r.memory_kib[0][name], r.memory_kib[1][name]) for r in runs.values()]
        rows[f"memory of {name}, KiB"] = [f"{before:,} -> {after:,}" for before, after in pairs]
    print(f"\n## {seconds} s of connection churn\n")
    print("Every connection is opened, asked once and closed: by RST without waiting for the")
    print("response (one in three), by RST after it, or by FIN (one in 3000).\n")
    print(f"| | {' | '.join(runs)} |\n|:--|{'--:|' * len(runs)}")
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")
    slow = [n for n, r in runs.items() if r.told["connections"] < WANTED_PER_S * seconds]
    if slow:
        print(f"\nBelow {WANTED_PER_S:,} connections per second: {', '.join(slow)}.")
    return all(run.holds for run in runs.values())


def show_tools() -> bool:
    with Lab() as lab, SocketProbe() as probe:
        redis = redis_benchmark(lab, probe, requests=REQUESTS, connections=CLIENTS)
        quota = wrk_with_a_quota(lab, probe, requests=REQUESTS, connections=CLIENTS)
        second = wrk_for_a_second(lab, probe, connections=CLIENTS)
    print("\n## Other tools' counts\n")
    print("| load | the tool's count | kernel: seen | recorded | no response |")
    print("|:--|--:|--:|--:|--:|")
    for name, count, counters in (
        ("redis-benchmark", redis.asked, redis.counters),
        ("wrk, a given number of requests", quota.responses, quota.counters),
        ("wrk, for a second", second.responses, second.counters),
    ):
        cells = [f"{counters[key]:,}" for key in ("seen", "recorded", "no_response")]
        print(f"| {name} | {count:,} | {' | '.join(cells)} |")
    print(
        "\nredis-benchmark begins with two settings asked for in one segment, and one INFO is the"
    )
    print(
        f"test's own: 2 more; Redis itself counted {redis.gets:,} GETs.  At its deadline wrk drops"
    )
    print(f"its {CLIENTS} connections with what is under way: at most one exchange on each.")
    return (
        redis.counters["seen"] == redis.counters["recorded"] == redis.asked + 2 == redis.gets + 2
        and quota.counters["seen"] == quota.counters["recorded"] == quota.responses == REQUESTS
        and second.responses <= second.counters["recorded"] <= second.counters["seen"]
        and second.counters["seen"] <= second.responses + CLIENTS
    )


def show_rounds(rounds: int) -> bool:
    client = connect()
    build_image(client, "delay.c", DELAY_TAG, ["/delay"])
    rng = random.Random(1)
    wrong, exchanges, started_s = 0, 0, time.monotonic()
    with ExitStack() as stack:
        stack.callback(client.close)
        network = stack.enter_context(bridge(client))
        sides = []
        for length in LENGTHS:
            command = ["/delay", "--port", str(PORT), "--length", str(length)]
            container = Container(client, network, DELAY_TAG, PORT, command)
            stack.enter_context(container)
            sides.append(Side(container.netns_inode, container.host, PORT, length))
        probe = stack.enter_context(SocketProbe())
        for _ in range(rounds):
            counted = one_round(probe, sides, rng)
            wrong += not all(of.exact for of in counted)
            exchanges += sum(of.requests for of in counted)
    print("\n## Two containers at once\n")
    print(f"{rounds:,} rounds of random numbers of requests and connections to two containers at")
    print(
        f"the same time, {exchanges:,} exchanges in {time.monotonic() - started_s:.0f} s: rounds in"
    )
    print(f"which exchanges, connections or bytes of one were not exactly its own: **{wrong}**.")
    return wrong == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1000)
    chosen = parser.parse_args()
    print("# Nothing is lost, and nothing counted twice\n")
    print("Written by `ci/bench completeness` on:")
    print(f"{os.cpu_count()} CPUs ({cpu_model()}), Linux {os.uname().release}.")
    held = [show_churn(chosen.seconds), show_tools(), show_rounds(chosen.rounds)]
    print(f"\nAll identities held: **{'yes' if all(held) else 'no'}**.")
    return not all(held)


if __name__ == "__main__":
    sys.exit(main())
