"""Exchanges beside the service's own: on other ports of its namespace, or from inside of it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    EVER_NS,
    PORT,
    REQUEST,
    WITHIN_S,
    Bounds,
    Moments,
    Stand,
    ask,
    assert_balanced,
    assert_true,
    await_listening,
    eventually,
    open_connections,
    running,
)

pytestmark = [pytest.mark.kernel, pytest.mark.row]

REQUESTS = 53  # prime
BESIDE = 17
INNER_PORT = 7001
WAIT_US = 2000

ASK = """
import signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
def ask():
    client.sendall(b"x" * 16)
    assert len(client.recv(16, socket.MSG_WAITALL)) == 16
client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
ask()
print("asked", flush=True)
signal.sigwait({signal.SIGUSR1})
for _ in range(int(sys.argv[3])):
    ask()
"""
"""Asks once, and so many times more when it is told to, all on one connection."""

CALL_ITSELF = """
import socket, sys, threading, time
address = sys.argv[1], int(sys.argv[2])
def serve(client):
    while request := client.recv(16, socket.MSG_WAITALL):
        if request[:1] == b"x":
            with socket.create_connection(address) as inner:
                inner.sendall(b"y" * 16)
                inner.recv(16, socket.MSG_WAITALL)
        else:
            time.sleep(0.002)
        client.sendall(b"z" * 16)
    client.close()
listener = socket.create_server(("0.0.0.0", address[1]))
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
"""
"""A service that answers outsiders only once it has asked itself by its own address."""


@contextlib.contextmanager
def asking_inside(lab: Lab, host: str, port: int, more: int) -> Iterator[subprocess.Popen[bytes]]:
    """Has asked once; `go_on` lets it ask the rest."""
    process = lab.run_inside(sys.executable, "-S", "-c", ASK, host, str(port), str(more))
    with running(process):
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        yield process


def go_on(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGUSR1)
    assert process.wait(WITHIN_S) == 0


@contextlib.contextmanager
def inner_service(lab: Lab, **options: int) -> Iterator[subprocess.Popen[bytes]]:
    """Another service in the same namespace."""
    words = [
        word
        for name, value in {"port": INNER_PORT, **options}.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    process = lab.start(*words, program="stages")
    with running(process):
        await_listening(process, INNER_PORT)
        yield process


def moments_of(process: subprocess.Popen[bytes]) -> dict[str, Moments]:
    process.send_signal(signal.SIGTERM)
    told = json.loads(process.communicate(timeout=WITHIN_S)[0])
    table = np.array(told["exchanges"], dtype=np.int64)
    return {name: table[:, column] for column, name in enumerate(told["fields"])}


def test_the_inner_hop_is_a_stage_of_its_own_and_no_exchange_of_the_service(
    lab: Lab, probe: SocketProbe
) -> None:
    with (
        inner_service(lab, before_response=WAIT_US, parts=2, between=1000, response=16) as inner,
        Stand(lab, probe, depend="127.0.0.1", depend_port=INNER_PORT) as stand,
    ):
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
        account = stand.finish()
        truth = moments_of(inner)
    reading = account.reading
    counters = dict(reading.counters)
    assert_balanced(counters)
    assert counters["seen"] == counters["recorded"] == REQUESTS
    assert counters["connections"] == 1
    assert counters["internal"] == REQUESTS
    assert counters["local"] == counters["dependencies"] == counters["depend_exchanges"] == 0
    assert reading.histograms["depend"].total == reading.histograms["depend_connect"].total == 0
    assert list(reading.internal) == [str(INNER_PORT)]
    assert reading.internal[str(INNER_PORT)] == reading.histograms["internal"]
    assert truth["before_last"].size == REQUESTS
    bounds = Bounds(
        truth["before_last"] - truth["polled"],
        truth["before_last"] - truth["arrived"],
        truth["after_last"] - truth["arrived"],
    )
    assert_true(reading, "internal", bounds)
    # What the proxy waits for is in its own time.
    app = reading.histograms["app"].quantile_ns(0.5)
    assert app >= reading.histograms["internal"].quantile_ns(0.5) / 1.02


@pytest.mark.parametrize("where", ["127.0.0.1", "own", "::1", "own6"])
def test_what_is_asked_for_from_inside_is_counted_apart(
    lab: Lab, probe: SocketProbe, where: str
) -> None:
    host = {"own": lab.inside4, "own6": lab.inside6}.get(where, where)
    with Stand(lab, probe) as stand:
        with asking_inside(lab, host, PORT, BESIDE - 1) as inside, stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
            go_on(inside)
        account = stand.finish()
    assert account.responses == REQUESTS + BESIDE
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert counters["seen"] == counters["recorded"] == REQUESTS
    assert (counters["local"], counters["internal"]) == (BESIDE, 0)
    assert counters["connections"] == 1
    histograms = account.reading.histograms
    assert histograms["service"].total == histograms["recv_wait"].total == REQUESTS
    if "accept_wait" in histograms:
        assert histograms["accept_wait"].total == 1
    assert account.reading.internal == {}


def test_the_window_holds_for_what_is_counted_apart(lab: Lab, probe: SocketProbe) -> None:
    with inner_service(lab), Stand(lab, probe) as stand:
        probe.record_between(0, EVER_NS - 1, EVER_NS)
        with asking_inside(lab, "127.0.0.1", PORT, 0) as one:
            go_on(one)
        with asking_inside(lab, "127.0.0.1", INNER_PORT, 0) as other:
            go_on(other)
        eventually(lambda: not open_connections(probe, lab.netns_inode))
        counters = stand.counters
    assert counters["local"] == counters["internal"] == counters["seen"] == 0


def test_another_port_asked_from_outside_is_not_the_service_s(lab: Lab, probe: SocketProbe) -> None:
    with inner_service(lab, before_response=WAIT_US), Stand(lab, probe) as stand:
        with stand.connect() as client, stand.connect(port=INNER_PORT) as scraper:
            for number in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
                if number < BESIDE:
                    ask(scraper, REQUEST, len(REQUEST))
        account = stand.finish()
    counters = dict(account.reading.counters)
    assert counters["seen"] == counters["recorded"] == REQUESTS
    assert counters["internal"] == account.reading.internal[str(INNER_PORT)].total == BESIDE
    # The slow ones are not among the service's.
    assert account.reading.histograms["service"].quantile_ns(0.5) < WAIT_US * 1000


def test_connections_found_open_have_the_same_parts(lab: Lab, probe: SocketProbe) -> None:
    with inner_service(lab), Stand(lab, probe) as stand:
        stand.forget()
        with (
            asking_inside(lab, "127.0.0.1", PORT, BESIDE) as local,
            asking_inside(lab, "127.0.0.1", INNER_PORT, BESIDE) as internal,
            stand.connect() as client,
        ):
            ask(client, REQUEST, len(REQUEST))
            stand.watch()
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
            go_on(local)
            go_on(internal)
        account = stand.finish()
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert counters["seen"] == counters["recorded"] == REQUESTS
    assert counters["adopted"] == 1
    assert (counters["local"], counters["internal"]) == (BESIDE, BESIDE)
    assert account.reading.histograms["depend"].total == 0


def test_a_service_that_asks_itself_hides_none_of_its_time(lab: Lab, probe: SocketProbe) -> None:
    process = lab.run_inside(sys.executable, "-S", "-c", CALL_ITSELF, lab.inside4, str(INNER_PORT))
    with running(process):
        await_listening(process, INNER_PORT)
        probe.watch(0, lab.netns_inode, INNER_PORT, apart=True)
        try:
            probe.record_between(0, 0, EVER_NS)
            with Stand.reach(lab, INNER_PORT) as client:
                for _ in range(BESIDE):
                    ask(client, REQUEST, len(REQUEST))
            eventually(lambda: not open_connections(probe, lab.netns_inode))
            reading = probe.read(0)
        finally:
            probe.forget(0)
    counters = reading.counters
    assert counters["seen"] == counters["recorded"] == counters["local"] == BESIDE
    assert reading.histograms["service"].quantile_ns(0.0) >= 2_000_000 / 1.008


def test_where_nothing_is_told_apart_all_ports_are_the_target_s(
    lab: Lab, probe: SocketProbe
) -> None:
    with inner_service(lab), Stand(lab, probe) as stand:
        stand.watch(apart=False)
        with stand.connect() as client, stand.connect(port=INNER_PORT) as other:
            for _ in range(BESIDE):
                ask(client, REQUEST, len(REQUEST))
                ask(other, REQUEST, len(REQUEST))
        with asking_inside(lab, "127.0.0.1", PORT, 0) as inside:
            go_on(inside)
        account = stand.finish()
    counters = account.reading.counters
    assert counters["recorded"] == 2 * BESIDE + 1
    assert counters["local"] == counters["internal"] == 0
