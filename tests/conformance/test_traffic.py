"""Unusual traffic is counted as what it is: one exchange a request, flagged where it is not one."""

from __future__ import annotations

import contextlib
import socket
import time

import numpy as np
import pytest

from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    BUCKET,
    REQUEST,
    Account,
    Bounds,
    Stand,
    ask,
    assert_balanced,
    assert_true,
    receive,
)

pytestmark = [pytest.mark.kernel, pytest.mark.row]

REQUESTS = 23  # prime
TEN_MB = 10_000_000
METHODS = ["send", "writev", "sendfile", "splice", "zerocopy", "uring"]


def counted(account: Account, exchanges: int) -> dict[str, int]:
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert counters["seen"] == counters["recorded"] == exchanges
    assert account.reading.histograms["service"].total == exchanges
    return counters


def service_bounds(account: Account) -> Bounds:
    """From the request's arrival to the response's first send."""
    return Bounds(
        account["before_first"] - account["polled"],
        account["before_first"] - account["arrived"],
        account["after_first"] - account["arrived"],
    )


@pytest.mark.parametrize("together", [True, False], ids=["one-segment", "two-segments"])
def test_pipelined_requests_are_flagged(lab: Lab, probe: SocketProbe, together: bool) -> None:
    pairs = 11
    # Long enough that the second one comes in time on an emulated or a stolen CPU.
    with Stand(lab, probe, before_response=20_000) as stand:
        with stand.connect() as client:
            for _ in range(pairs):
                if together:
                    client.sendall(2 * REQUEST)
                else:
                    client.sendall(REQUEST)
                    time.sleep(0.002)
                    client.sendall(REQUEST)
                receive(client, 32)
        account = stand.finish()
    # Both requests were under way at once: one exchange, and known not to be one request's.
    assert account.responses == 2 * pairs
    assert counted(account, pairs)["overlapped"] == pairs


@pytest.mark.parametrize("method", METHODS)
def test_ten_megabytes_are_one_response(lab: Lab, probe: SocketProbe, method: str) -> None:
    requests = 3
    with Stand(lab, probe, method=method, response=TEN_MB, before_response=2000) as stand:
        with stand.connect() as client:
            for _ in range(requests):
                ask(client, REQUEST, TEN_MB)
        account = stand.finish()
    assert account.responses == requests
    counters = counted(account, requests)
    assert counters["overlapped"] == counters["unread"] == 0
    assert counters["bytes_tx"] >= requests * TEN_MB
    assert_true(account.reading, "service", service_bounds(account))
    if "respond" in probe.stages:
        # It may be a single system call, of which the hooks see all but the ends.
        most_ns = np.median(account["after_last"] - account["before_first"])
        least_ns = np.median(account["before_last"] - account["after_first"])
        respond_ns = account.reading.histograms["respond"].quantile_ns(0.5)
        assert max(least_ns, most_ns / 2) <= respond_ns * BUCKET <= most_ns * BUCKET**2


def test_a_service_that_speaks_first_has_not_responded_yet(lab: Lab, probe: SocketProbe) -> None:
    connections = 7
    with Stand(lab, probe, banner=20) as stand:
        with contextlib.ExitStack() as clients:
            opened = [clients.enter_context(stand.connect()) for _ in range(connections)]
            for client in opened:
                receive(client, 20)
            assert stand.counters["seen"] == stand.counters["pending"] == 0
            for client in opened:
                ask(client, REQUEST, 16)
        account = stand.finish()
    counters = counted(account, connections)
    assert counters["connections"] == connections
    assert counters["unread"] == counters["overlapped"] == 0


def test_a_client_that_has_shut_its_side_still_gets_its_response_recorded(
    lab: Lab, probe: SocketProbe
) -> None:
    with Stand(lab, probe, before_response=3000) as stand:
        for _ in range(REQUESTS):
            with stand.connect() as client:
                client.sendall(REQUEST)
                client.shutdown(socket.SHUT_WR)
                receive(client, 16)
                assert client.recv(1) == b""
        account = stand.finish()
    counters = counted(account, REQUESTS)
    assert counters["connections"] == REQUESTS
    assert counters["no_response"] == 0
    assert_true(account.reading, "service", service_bounds(account))


def test_a_connection_from_before_the_probe_is_adopted(lab: Lab, probe: SocketProbe) -> None:
    with Stand(lab, probe) as stand:
        stand.forget()
        with stand.connect() as client:
            ask(client, REQUEST, len(REQUEST))
            stand.watch()
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
            counters = stand.counters
            assert counters["adopted"] == 1
            assert counters["connections"] == 0
            # The last one is open until the next request or the end.
            assert counters["seen"] == REQUESTS
            assert counters["pending"] == 1
            assert_balanced(counters)
        account = stand.finish()
    counted(account, REQUESTS)
    # How long it has been established the probe cannot know.
    assert account.reading.histograms["established"].total == 0


def test_bytes_on_the_last_ack_of_the_handshake_are_an_exchange(
    lab: Lab, probe: SocketProbe
) -> None:
    with Stand(lab, probe, defer_accept=1, before_read=3000, before_response=2000) as stand:
        for _ in range(REQUESTS):
            with stand.connect() as client:
                ask(client, REQUEST, 16)
        account = stand.finish()
    assert counted(account, REQUESTS)["connections"] == REQUESTS
    arrived = account["arrived"]
    assert np.median(account["before_read"] - arrived) >= 3e6
    assert_true(
        account.reading,
        "recv_wait",
        Bounds(
            account["before_read"] - account["polled"],
            account["before_read"] - arrived,
            account["read"] - arrived,
        ),
    )
    assert_true(account.reading, "service", service_bounds(account))
