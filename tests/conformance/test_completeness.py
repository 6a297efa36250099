"""Nothing is lost without being counted: churn, a full map, other tools' counts, neighbours."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    EVER_NS,
    PORT,
    REQUEST,
    Stand,
    ask,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    running,
)

pytestmark = [pytest.mark.kernel]
# The maps and the reading are the same with all hooks, and an emulated CPU compiles for 15 s.
another_probe = pytest.mark.skipif(
    "SOCKLAT_HOOKS" in os.environ, reason="loads another probe, whatever the hook set"
)

CHURN_S = 5
ROUNDS = 20
SMALL_MAP = 16
COMMANDS = 5003  # prime
REDIS_CLIENTS = 7


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


def test_churn_leaves_nothing_behind_and_balances(lab: Lab, probe: SocketProbe) -> None:
    churn = [lab.program("churn"), "--host", lab.inside4, "--port", str(PORT)]
    churn += ["--seconds", str(CHURN_S), "--length", str(len(REQUEST))]
    missed = probe.missed()
    with Stand(lab, probe) as stand:
        done = subprocess.run(churn, capture_output=True, check=True, timeout=60)
        account = stand.finish()  # waits until no connection is left in the map
    told = json.loads(done.stdout)
    counters = dict(account.reading.counters)
    assert told["failed"] == 0
    assert told["connections"] > 1000
    assert counters["connections"] == told["connections"]
    assert counters["pending"] == counters["dropped_map_full"] == counters["adopted"] == 0
    assert_balanced(counters)
    # Those that were closed without waiting may have been answered, or seen at all, or not.
    assert told["answers"] <= counters["recorded"] <= counters["seen"] <= told["connections"]
    assert open_connections(probe, lab.netns_inode) == 0
    assert account.reading.histograms["established"].total == told["connections"]
    assert probe.missed() == missed


@another_probe
def test_a_full_map_loses_exchanges_and_says_so_every_time(lab: Lab) -> None:
    connections = 64
    with SocketProbe(max_connections=SMALL_MAP) as probe:
        for _ in range(3):
            with Stand(lab, probe) as stand:
                with contextlib.ExitStack() as clients:
                    for _ in range(connections):
                        ask(clients.enter_context(stand.connect()), REQUEST, len(REQUEST))
                    assert open_connections(probe, lab.netns_inode) <= SMALL_MAP
                account = stand.finish()
            counters = dict(account.reading.counters)
            assert_balanced(counters)
            assert counters["connections"] == counters["seen"] == connections
            assert counters["dropped_map_full"] >= connections - SMALL_MAP
            assert counters["recorded"] == connections - counters["dropped_map_full"]


def test_redis_and_the_kernel_count_the_same(lab: Lab, probe: SocketProbe) -> None:
    for tool in ("redis-server", "redis-benchmark"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    server = ["redis-server", "--port", str(PORT), "--bind", "0.0.0.0", "--save", ""]
    server += ["--protected-mode", "no", "--daemonize", "no", "--dir", "/"]
    load = ["redis-benchmark", "-h", lab.inside4, "-p", str(PORT), "-t", "get", "-q"]
    load += ["-n", str(COMMANDS), "-c", str(REDIS_CLIENTS)]
    with running(lab.run_inside(*server)) as process:
        await_listening(process, PORT)
        probe.watch(0, lab.netns_inode, PORT)
        probe.record_between(0, 0, EVER_NS)
        try:
            subprocess.run(load, capture_output=True, check=True, timeout=60)
            with socket.create_connection((lab.inside4, PORT), timeout=10.0) as client:
                client.sendall(b"INFO stats\r\n")
                told = client.recv(1 << 16).decode()
            eventually(lambda: open_connections(probe, lab.netns_inode) == 0)
            counters = dict(probe.read(0).counters)
        finally:
            probe.forget(0)
    processed = re.search(r"^total_commands_processed:(\d+)", told, re.MULTILINE)
    assert processed is not None
    # The question itself is not among them; the benchmark begins by asking for two settings in
    # one segment, whose answers come in one, too.
    answered = int(processed.group(1)) + 1 - 1
    assert answered > COMMANDS
    assert_balanced(counters)
    assert counters["recorded"] == counters["seen"] == answered
    assert counters["overlapped"] == 0


def test_two_namespaces_are_never_mixed_up(lab: Lab, neighbour: Lab, probe: SocketProbe) -> None:
    primes = itertools.cycle([11, 13, 17, 19, 23, 29, 31, 37])
    with Stand(lab, probe, slot=0) as one, Stand(neighbour, probe, slot=1, before_read=300) as two:
        for _ in range(ROUNDS):
            plan = [(one, next(primes), 2), (two, next(primes), 3)]
            for stand, _, _ in plan:
                stand.watch()
            threads = [
                threading.Thread(target=load, args=(stand, requests, connections))
                for stand, requests, connections in plan
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for (stand, requests, connections), lab_ in zip(plan, (lab, neighbour), strict=True):
                eventually(lambda inode=lab_.netns_inode: not open_connections(probe, inode))
                counters = stand.counters
                assert counters["recorded"] == counters["seen"] == requests * connections
                assert counters["connections"] == connections


@another_probe
def test_two_probes_measure_the_same(lab: Lab, probe: SocketProbe) -> None:
    requests = 211
    with SocketProbe() as other, Stand(lab, probe, before_answer=500) as stand:
        other.watch(3, lab.netns_inode, PORT)
        other.record_between(3, 0, EVER_NS)
        load(stand, requests, 1)
        account = stand.finish()
        eventually(lambda: not open_connections(other, lab.netns_inode))
        reading = other.read(3)
    mine, theirs = account.reading.counters, reading.counters
    assert mine["seen"] == theirs["seen"] == theirs["recorded"] == requests
    # An ACK or the next request can come between the two programs at the end of one send.
    timed = {"unacked"}
    assert {n: v for n, v in mine.items() if n not in timed} == {
        n: v for n, v in theirs.items() if n not in timed
    }
    for stage in ("service", "recv_wait", "app"):
        medians = [of.histograms[stage].quantile_ns(0.5) for of in (account.reading, reading)]
        assert abs(np.diff(medians)[0]) < 100_000, stage


def load(stand: Stand, requests: int, connections: int) -> None:
    with contextlib.ExitStack() as clients:
        opened = [clients.enter_context(stand.connect()) for _ in range(connections)]
        for _ in range(requests):
            for client in opened:
                ask(client, REQUEST, len(REQUEST))
