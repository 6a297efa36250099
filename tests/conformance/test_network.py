"""A slow and a lossy network: netem is in the kernels that ``ci/kernels`` boots, not everywhere."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import numpy as np
import pytest

from socklat_gate.probe.netstat import increments, network_counters
from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import REQUEST, Bounds, Stand, ask, assert_balanced, assert_true

pytestmark = [pytest.mark.kernel, pytest.mark.row]

REQUESTS = 53  # prime
LOSSY_REQUESTS = 23  # prime; each lost segment costs a timeout
DELAY_MS = 10
PAUSE_S = 0.005


def test_deliver_is_the_way_to_the_client_and_back(
    lab: Lab, probe: SocketProbe, netem: Callable[..., None]
) -> None:
    if "deliver" not in probe.stages:
        pytest.skip(f"deliver is not measured with these hooks: {probe.hooks}")
    netem("delay", f"{DELAY_MS}ms", inwards=True)
    with Stand(lab, probe) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                ask(client, REQUEST, len(REQUEST))
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                time.sleep(PAUSE_S)
        account = stand.finish()
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert counters["seen"] == counters["recorded"] == REQUESTS
    assert counters["unacked"] == 0
    # The ACK leaves when the response has come, the next request a pause later, on the same way.
    most = account["next_polled"] - account["before_last"]
    least = np.full_like(most, DELAY_MS * 1_000_000)
    assert_true(account.reading, "deliver", Bounds(least, np.minimum(most, least), most))


def test_retransmitted_segments_are_counted_as_the_kernel_counts_them(
    lab: Lab, probe: SocketProbe, netem: Callable[..., None]
) -> None:
    with Stand(lab, probe) as stand:
        with stand.connect() as client:
            ask(client, REQUEST, len(REQUEST))
            before = network_counters(stand.pid)
            netem("loss", "30%", inwards=False)
            for _ in range(LOSSY_REQUESTS):
                ask(client, REQUEST, len(REQUEST))
            retransmits = increments(before, network_counters(stand.pid))["retransmits"]
            counters = stand.counters
        account = stand.finish()
    assert counters["retransmits"] == retransmits > 0
    assert account.reading.counters["seen"] == LOSSY_REQUESTS + 1
    assert account.reading.counters["recorded"] == LOSSY_REQUESTS + 1
