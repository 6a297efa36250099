"""The stages around the application against ground truth: accept, response, buffers, dependency.

``tests/services/stages.c`` says when it did what; clients that matter note their own moments.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import numpy as np
import pytest

from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    REQUEST,
    Account,
    Bounds,
    Stand,
    ask,
    assert_balanced,
    assert_true,
    dependency,
    receive,
)

pytestmark = [pytest.mark.kernel, pytest.mark.row]

REQUESTS = 53  # prime, so that no counting twice or by halves can hit it
CONNECTIONS = 23
BIG = 400_000
READER_PAUSE_MS = 20
PAUSE_MS = 10


@pytest.fixture
def stage(probe: SocketProbe) -> Callable[[str], None]:
    def require(name: str) -> None:
        if name not in probe.stages:
            pytest.skip(f"{name} is not measured with these hooks: {probe.hooks}")

    return require


def exact(account: Account, requests: int = REQUESTS) -> dict[str, int]:
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert account.responses == counters["seen"] == counters["recorded"] == requests
    assert counters["overlapped"] == counters["unread"] == 0
    return counters


def test_accept_wait_is_from_the_handshake_to_accept(
    lab: Lab, probe: SocketProbe, stage: Callable[[str], None]
) -> None:
    stage("accept_wait")
    connecting = []
    with Stand(lab, probe, accept_after=4000) as stand:
        for _ in range(CONNECTIONS):
            before_ns = time.monotonic_ns()
            with stand.connect() as client:
                connecting.append((before_ns, time.monotonic_ns()))
                ask(client, REQUEST, 16)
        account = stand.finish()
    before, after = np.array(connecting, dtype=np.int64).T
    polled, accepting, accepted = account.accepts.T
    assert exact(account, CONNECTIONS)["connections"] == CONNECTIONS
    # The handshake is over when poll() tells of it at the latest, and after connect() began.
    true = accepted - np.minimum(after, polled)
    assert_true(account.reading, "accept_wait", Bounds(accepting - polled, true, accepted - before))


def test_respond_is_from_the_first_send_to_the_last(
    lab: Lab, probe: SocketProbe, stage: Callable[[str], None]
) -> None:
    stage("respond")
    with Stand(lab, probe, parts=2, between=3000) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, 16)
        account = stand.finish()
    exact(account)
    length = account["after_last"] - account["before_first"]
    least = account["before_last"] - account["after_first"]
    assert np.median(least) >= 3e6
    assert_true(account.reading, "respond", Bounds(least, length, length))


@pytest.mark.parametrize(
    ("nonblocking", "chunk"), [(1, 0), (0, 4096)], ids=["nonblocking", "blocking"]
)
def test_send_wait_is_the_time_without_room(
    lab: Lab, probe: SocketProbe, stage: Callable[[str], None], nonblocking: int, chunk: int
) -> None:
    stage("send_wait")
    options = {"response": BIG, "sndbuf": 16_384, "nonblocking": nonblocking, "chunk": chunk}
    with Stand(lab, probe, **options) as stand:
        with stand.connect(receive_bytes=16_384) as client:
            for _ in range(REQUESTS):
                client.sendall(REQUEST)
                time.sleep(READER_PAUSE_MS / 1000)
                receive(client, BIG)
        account = stand.finish()
    exact(account)
    least, most = account["waited_least"], account["waited_most"]
    assert np.median(least) > READER_PAUSE_MS * 500_000
    if not nonblocking:
        # A call that waited may also have been kept from its CPU afterwards: no wait for room.
        least = np.minimum(least, int(np.median(least)))
    assert_true(account.reading, "send_wait", Bounds(least, (least + most) // 2, most))


def test_send_wait_inside_one_call(
    lab: Lab, probe: SocketProbe, stage: Callable[[str], None]
) -> None:
    stage("send_wait")
    if "tcp_sendmsg_locked" not in probe.hooks["send"]:
        pytest.skip("only the tracepoint tcp_sendmsg_locked (6.16+) fires inside a send that waits")
    reading_from = []
    with Stand(lab, probe, response=BIG, sndbuf=16_384) as stand:
        with stand.connect(receive_bytes=16_384) as client:
            for _ in range(REQUESTS):
                client.sendall(REQUEST)
                time.sleep(READER_PAUSE_MS / 1000)
                reading_from.append(time.monotonic_ns())
                receive(client, BIG)
        account = stand.finish()
    exact(account)
    # What the service cannot tell: between the reader's first read and the end both copy and wait.
    least = np.array(reading_from) - account["before_first"]
    most = account["after_last"] - account["before_first"]
    measured = account.reading.histograms["send_wait"].quantile_ns(0.5)
    assert np.median(least) * 0.98 - 200_000 <= measured <= np.median(most) * 1.008


def test_a_dependency_and_the_connection_to_it(lab: Lab, probe: SocketProbe) -> None:
    with dependency(lab, response_after_us=3000) as there, Stand(lab, probe, **there) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, 16)
        account = stand.finish()
    counters = exact(account)
    assert counters["dependencies"] == counters["depend_exchanges"] == REQUESTS
    assert counters["connections"] == 1
    arrived, read = account["depend_arrived"], account["depend_read"]
    assert_true(
        account.reading,
        "depend",
        Bounds(
            arrived - account["asked"],
            arrived - account["before_ask"],
            read - account["before_ask"],
        ),
    )
    took = account["connected"] - account["before_connect"]
    assert_true(account.reading, "depend_connect", Bounds(np.zeros_like(took), took, took))
    # The dependency's wait is part of the application's time.
    assert account.reading.histograms["app"].quantile_ns(0.5) >= 3_000_000


def test_established_is_what_the_client_made_it(lab: Lab, probe: SocketProbe) -> None:
    lifetimes = []
    with Stand(lab, probe) as stand:
        for _ in range(CONNECTIONS):
            before_ns = time.monotonic_ns()
            client = stand.connect()
            open_ns = time.monotonic_ns()
            ask(client, REQUEST, 16)
            time.sleep(PAUSE_MS / 1000)
            closing_ns = time.monotonic_ns()
            client.close()
            lifetimes.append((closing_ns - open_ns, time.monotonic_ns() - before_ns))
        account = stand.finish()
    exact(account, CONNECTIONS)
    least, most = np.array(lifetimes, dtype=np.int64).T
    assert_true(account.reading, "established", Bounds(least, (least + most) // 2, most))


@pytest.mark.parametrize("pause_ms", [PAUSE_MS, 100], ids=["next-request", "timer"])
def test_a_delayed_acknowledgement_tells_nothing(
    lab: Lab, probe: SocketProbe, pause_ms: int
) -> None:
    """The client delays its ACK: until its next request or its FIN, or until its timer of 40 ms."""
    requests = 11
    with Stand(lab, probe) as stand:
        with stand.connect() as client:
            for _ in range(requests):
                # Cleared by the kernel now and then: asked for again before each response.
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
                ask(client, REQUEST, 16)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
                time.sleep(pause_ms / 1000)
        account = stand.finish()
    deliver = account.reading.histograms["deliver"]
    assert deliver.total + exact(account, requests)["unacked"] == requests
    # A CPU that is taken away can make the timer later still.
    assert deliver.total <= (requests // 3 if pause_ms > PAUSE_MS else 0)


def test_deliver_lasts_until_the_client_acknowledges(lab: Lab, probe: SocketProbe) -> None:
    """It does so when it has the response, at the latest; the next request comes 10 ms later."""
    acknowledged = []
    with Stand(lab, probe) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, 16)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                acknowledged.append(time.monotonic_ns())
                time.sleep(PAUSE_MS / 1000)
        account = stand.finish()
    assert exact(account)["unacked"] == 0
    most = np.array(acknowledged) - account["before_last"]
    nothing = np.zeros_like(most)
    assert_true(account.reading, "deliver", Bounds(nothing, nothing, most))
