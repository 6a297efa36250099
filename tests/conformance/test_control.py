"""Control bytes of the driver's are no exchange: a client that marks them by their DS field."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from socklat_gate.load.marking import unsent_bytes
from socklat_gate.measured.bpf_layout import layout
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading
from socklat_gate.probe.traffic import Traffic
from tests.conformance.lab import Family, Lab
from tests.conformance.stand import (
    EVER_NS,
    PORT,
    REQUEST,
    SLACK_NS,
    Stand,
    ask,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    receive,
    running,
)
from tests.services.named import LENGTH, frame

pytestmark = [pytest.mark.kernel, pytest.mark.beside]

SERVER = Path(__file__).parents[1] / "services" / "named.py"
REQUESTS = 13
WAIT_US = 3000
LATE_US = 30_000
"""How late the service sends what belongs to no response."""
MARKED = Traffic(one_outstanding=True, named=True, marked=True)
UNMARKED = Traffic(one_outstanding=True)


class Client:
    """A connection whose control bytes are marked, in the middle of a response or not."""

    def __init__(self, lab: Lab, family: Family) -> None:
        self._v6 = family == "v6"
        self._socket = socket.create_connection((lab.address(family), PORT), timeout=30.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def control(self, wait_us: int = 0, *, in_flight: bool = False, after: bool = False) -> None:
        """Sends control bytes, which the service replies to after a wait."""
        kind = "_IN_FLIGHT" if in_flight else "_AFTER" if after else ""
        self._mark(layout()[f"CONTROL{kind}_DSFIELD"])
        self._socket.sendall(frame("C", wait_us))

    def request(self, between_us: int = 0) -> None:
        # Not before, as in the driver: what waits in the socket leaves with the mark it has then.
        self._mark(0)
        self._socket.sendall(frame("R", WAIT_US, between_us))

    def receive(self, length: int = LENGTH) -> None:
        receive(self._socket, length)

    def _mark(self, dsfield: int) -> None:
        # What has not left yet would leave with this mark.
        eventually(lambda: unsent_bytes(self._socket) == 0)
        if self._v6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dsfield)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dsfield)


@contextmanager
def service(lab: Lab, probe: SocketProbe, traffic: Traffic) -> Iterator[None]:
    """The service runs and is watched."""
    with running(lab.run_inside(sys.executable, "-P", str(SERVER), str(PORT))) as process:
        await_listening(process, PORT)
        probe.drain()
        probe.watch(0, lab.netns_inode, PORT, apart=True)
        probe.record_between(0, 0, EVER_NS, traffic=traffic)
        try:
            yield
        finally:
            probe.forget(0)


def counted(lab: Lab, probe: SocketProbe, exchanges: int) -> Reading:
    """What was measured, after all clients have closed."""
    eventually(lambda: not open_connections(probe, lab.netns_inode))
    reading = probe.read(0)
    assert_balanced(dict(reading.counters))
    assert reading.counters["seen"] == reading.counters["recorded"] == exchanges
    assert reading.counters["overlapped"] == reading.counters["unread"] == 0
    return reading


@pytest.mark.parametrize("family", ["v4", "v6", "mapped"])
def test_control_bytes_and_what_is_sent_for_them_are_no_part_of_an_exchange(
    lab: Lab, probe: SocketProbe, family: Family
) -> None:
    with service(lab, probe, MARKED):
        with Client(lab, family) as client:
            client.control(WAIT_US)  # as a handshake: nothing else is done before its reply
            client.receive()
            for _ in range(REQUESTS):
                client.request()
                client.receive()
                client.control(LATE_US)  # as an acknowledgement, to which something comes late
                client.receive()
        reading = counted(lab, probe, REQUESTS)
        logged, _ = probe.drain()
    assert reading.histograms["response"].quantile_ns(1.0) * 1.01 >= WAIT_US * 1000
    # Each is of one send: with what came late it would be of two.
    assert reading.histograms["respond"].counts[0] == REQUESTS
    assert logged["ordinal"].tolist() == [*range(1, REQUESTS + 1)]
    assert len(set(logged["peer_port"])) == 1


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("after", [True, False])
def test_what_the_client_says_came_after_the_response_is_taken_off_it(
    lab: Lab, probe: SocketProbe, family: Family, after: bool
) -> None:
    """As a PING that a server sends by its own clock: here it is the second half."""
    with service(lab, probe, MARKED):
        with Client(lab, family) as client:
            for _ in range(REQUESTS):
                client.request(LATE_US)
                client.receive()
                client.control(after=after)
                client.request()  # of one send: nothing can be taken off it
                client.receive()
                client.control(after=after)
        reading = counted(lab, probe, 2 * REQUESTS)
    respond, response = (reading.histograms[stage] for stage in ("respond", "response"))
    assert respond.total == response.total == 2 * REQUESTS
    assert response.quantile_ns(0.0) * 1.01 >= WAIT_US * 1000
    # As if there had been one send, exactly; otherwise it is no shorter than what is waited.
    assert respond.counts[0] == (2 * REQUESTS if after else REQUESTS)
    if not after:
        assert respond.quantile_ns(0.6) >= LATE_US * 1000 * 0.99


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_what_control_bytes_bring_about_after_the_next_request_came_is_not_its_response(
    lab: Lab, probe: SocketProbe, family: Family
) -> None:
    """As session tickets, which a server sends while the first request is on its way."""
    between_ns = []  # sending the control bytes and having sent the request
    with service(lab, probe, MARKED):
        for _ in range(REQUESTS):
            with Client(lab, family) as client:
                from_ns = time.monotonic_ns()
                client.control(LATE_US)
                client.request()
                between_ns.append(time.monotonic_ns() - from_ns)
                client.receive(2 * LENGTH)
        reading = counted(lab, probe, REQUESTS)
    waited_ns = reading.histograms["recv_wait"].quantile_ns(0.5)
    # The request lay there until the reply to the control bytes was sent.
    assert waited_ns * 1.02 + SLACK_NS >= LATE_US * 1000 - np.median(between_ns)
    assert reading.histograms["app"].quantile_ns(0.0) * 1.02 >= WAIT_US * 1000


def test_control_bytes_in_the_middle_of_a_response_do_not_end_it(
    lab: Lab, probe: SocketProbe
) -> None:
    with service(lab, probe, MARKED):
        with Client(lab, "v4") as client:
            client.control()
            for _ in range(REQUESTS):
                client.request(between_us=LATE_US)
                client.control(in_flight=True)  # before the response
                client.receive(LENGTH // 2)
                client.control(in_flight=True)  # and within
                client.receive(LENGTH // 2)
        reading = counted(lab, probe, REQUESTS)
    assert reading.histograms["respond"].quantile_ns(0.0) * 1.02 >= LATE_US * 1000
    assert reading.histograms["upload"].total == 0


def test_without_the_flag_the_mark_means_nothing(lab: Lab, probe: SocketProbe) -> None:
    with service(lab, probe, UNMARKED):
        with Client(lab, "v4") as client:
            for _ in range(REQUESTS):
                client.request()
                client.receive()
                client.control(WAIT_US)
                client.receive()
        counted(lab, probe, 2 * REQUESTS)
        logged, _ = probe.drain()
    assert not logged["ordinal"].any()
    assert not logged["peer_port"].any()


def test_control_bytes_on_the_last_ack_of_the_handshake_are_no_exchange(
    lab: Lab, probe: SocketProbe
) -> None:
    with Stand(lab, probe, traffic=MARKED, defer_accept=1) as stand:
        for _ in range(REQUESTS):
            with stand.connect() as client:
                client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, layout()["CONTROL_DSFIELD"])
                ask(client, REQUEST, len(REQUEST))
                client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0)
                ask(client, REQUEST, len(REQUEST))
        reading = stand.finish().reading
    assert_balanced(dict(reading.counters))
    assert reading.counters["seen"] == reading.counters["recorded"] == REQUESTS
