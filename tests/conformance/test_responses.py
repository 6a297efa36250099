"""The whole response against ground truth: what ends it, what does not begin it, one request.

``tests/services/stages.c`` says when it did what; clients note when they sent parts of a request.
"""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest

from socklat_gate.measured.records import SUMS
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.traffic import UNKNOWN_TRAFFIC, Traffic
from tests.conformance.lab import Lab
from tests.conformance.stand import (
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
HTTP = Traffic(http=True)
OURS = Traffic(one_outstanding=True, http=True)
HEAD = "HTTP/1.1 200 OK\r\n\r\n"
CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n"
WORK_US = 3000
PIECE_S = 0.004


def exact(account: Account, requests: int = REQUESTS, overlapped: int = 0) -> dict[str, int]:
    counters = dict(account.reading.counters)
    assert_balanced(counters)
    assert account.responses == counters["seen"] == counters["recorded"] == requests
    assert counters["overlapped"] == overlapped
    assert counters["unread"] == 0
    bands = account.reading.bands
    sums = dict(zip(bands.stages, bands.sums_ns.T, strict=True))
    for whole, parts in SUMS.items():
        assert (sums[whole] == sum(sums[part] for part in parts)).all()
    return counters


def response_bounds(account: Account) -> Bounds:
    """From the request's arrival to the last send, which begins or ends with the last bytes."""
    return Bounds(
        account["before_last"] - account["polled"],
        account["before_last"] - account["arrived"],
        account["after_last"] - account["arrived"],
    )


def asked(stand: Stand, response: int = 16, requests: int = REQUESTS) -> Account:
    with stand.connect() as client:
        for _ in range(requests):
            ask(client, REQUEST, response)
    return stand.finish()


@pytest.mark.parametrize("method", ["send", "writev", "sendfile"])
def test_a_response_of_one_send_ends_when_it_begins(
    lab: Lab, probe: SocketProbe, method: str
) -> None:
    with Stand(lab, probe, method=method, response=2000, before_response=WORK_US) as stand:
        account = asked(stand, 2000)
    exact(account)
    histograms = account.reading.histograms
    assert (histograms["response"].counts == histograms["service"].counts).all()
    assert histograms["respond"].counts[0] == REQUESTS
    assert_true(account.reading, "response", response_bounds(account))


@pytest.mark.parametrize("method", ["send", "writev", "sendfile", "splice"])
def test_a_response_in_parts_lasts_until_its_last_one(
    lab: Lab, probe: SocketProbe, method: str
) -> None:
    with Stand(lab, probe, method=method, response=3000, parts=3, between=2000) as stand:
        account = asked(stand, 3000)
    exact(account)
    assert np.median(account["before_last"] - account["before_first"]) >= 4e6
    assert_true(account.reading, "response", response_bounds(account))


def test_a_head_that_is_flushed_early_makes_no_response_faster(
    lab: Lab, probe: SocketProbe
) -> None:
    p50_ns = {}
    for name, when in (("late", {"before_response": 5000}), ("early", {"between": 5000})):
        with Stand(lab, probe, response=2000, parts=2, **when) as stand:
            account = asked(stand, 2000)
        exact(account)
        p50_ns[name] = {
            stage: account.reading.histograms[stage].quantile_ns(0.5)
            for stage in ("service", "response")
        }
    assert p50_ns["early"]["service"] < 0.5 * p50_ns["late"]["service"]
    assert p50_ns["early"]["response"] > 5_000_000


@pytest.mark.parametrize(
    ("nonblocking", "chunk"), [(1, 0), (0, 65_536)], ids=["nonblocking", "blocking"]
)
def test_a_slow_reader_s_response_lasts_until_there_is_room_for_all(
    lab: Lab, probe: SocketProbe, nonblocking: int, chunk: int
) -> None:
    length, requests = 10_000_000, 3
    options = {"response": length, "sndbuf": 65_536, "nonblocking": nonblocking, "chunk": chunk}
    with Stand(lab, probe, **options) as stand:
        with stand.connect(receive_bytes=65_536) as client:
            for _ in range(requests):
                client.sendall(REQUEST)
                for _ in range(10):
                    time.sleep(0.01)
                    receive(client, length // 10)
        account = stand.finish()
    exact(account, requests)
    assert np.median(account["after_last"] - account["before_first"]) >= 80e6
    # The last call may be one that waits: its last bytes find room before it returns.
    assert_true(account.reading, "response", response_bounds(account))


@pytest.mark.parametrize("traffic", [HTTP, OURS], ids=["command", "ours"])
@pytest.mark.parametrize("interim", [CONTINUE, HINTS], ids=["100", "103"])
def test_an_interim_response_does_not_begin_the_response(
    lab: Lab, probe: SocketProbe, interim: str, traffic: Traffic
) -> None:
    options = {"prefix": HEAD, "response": 64, "before_response": WORK_US}
    with Stand(lab, probe, traffic=traffic, interim=interim, **options) as stand:
        account = asked(stand, 64 + len(interim))
    exact(account)
    assert account.reading.statuses == {"200": REQUESTS}
    assert np.median(account["before_first"] - account["arrived"]) >= WORK_US * 1000
    for stage in ("service", "response"):
        assert_true(account.reading, stage, response_bounds(account))


def test_an_interim_response_in_the_same_send_is_the_response_s(
    lab: Lab, probe: SocketProbe
) -> None:
    options = {"response": 256, "before_response": WORK_US}
    with Stand(lab, probe, traffic=HTTP, prefix=HINTS + HEAD, **options) as stand:
        account = asked(stand, 256)
    exact(account)
    assert account.reading.statuses == {"200": REQUESTS}
    assert_true(account.reading, "service", response_bounds(account))


def test_switching_protocols_is_the_response(lab: Lab, probe: SocketProbe) -> None:
    switching = "HTTP/1.1 101 Switching Protocols\r\n\r\n"
    with Stand(lab, probe, traffic=HTTP, prefix=switching, response=64) as stand:
        account = asked(stand, 64)
    exact(account)
    assert account.reading.statuses == {"101": REQUESTS}


@pytest.mark.parametrize("method", ["send", "writev", "zerocopy", "uring", "sendfile"])
def test_statuses_are_those_of_the_recorded_exchanges(
    lab: Lab, probe: SocketProbe, method: str
) -> None:
    options = {"response": 64, "method": method}
    with Stand(lab, probe, traffic=HTTP, prefix="HTTP/1.1 503 No\r\n\r\n", **options) as stand:
        account = asked(stand, 64)
    exact(account)
    # What a file holds is not in the sender's memory.
    assert account.reading.statuses == {"" if method == "sendfile" else "503": REQUESTS}


def test_a_body_that_waits_for_100_continue_is_the_same_request(
    lab: Lab, probe: SocketProbe
) -> None:
    head, sent = len(REQUEST) // 2, []
    options = {"prefix": HEAD, "response": 64, "interim": CONTINUE, "interim_at": head}
    with Stand(lab, probe, traffic=HTTP, before_response=WORK_US, **options) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                sent.append(time.monotonic_ns())
                client.sendall(REQUEST[:head])
                receive(client, len(CONTINUE))
                time.sleep(PIECE_S)
                client.sendall(REQUEST[head:])
                receive(client, 64)
        account = stand.finish()
    exact(account)
    assert account.reading.statuses == {"200": REQUESTS}
    assert account.reading.histograms["upload"].total == REQUESTS
    polled = account["polled"]
    assert np.median(account["before_first"] - polled) >= (WORK_US + PIECE_S * 1e6) * 1000
    # The first bytes came after the client sent them, and before poll() told of them.
    most = account["after_first"] - np.array(sent)
    least = account["before_first"] - polled
    assert_true(account.reading, "service", Bounds(least, least, most))


@pytest.mark.parametrize("pieces", [2, 7])
def test_a_request_in_pieces_is_one_exchange_with_its_upload(
    lab: Lab, probe: SocketProbe, pieces: int
) -> None:
    request = b"x" * 70_000
    parts = [request[at * 70_000 // pieces : (at + 1) * 70_000 // pieces] for at in range(pieces)]
    uploads = []
    with Stand(lab, probe, request=len(request), before_response=WORK_US) as stand:
        with stand.connect() as client:
            for _ in range(REQUESTS):
                begun = time.monotonic_ns()
                client.sendall(parts[0])
                first = time.monotonic_ns()
                for part in parts[1:]:
                    time.sleep(PIECE_S)
                    last = time.monotonic_ns()
                    client.sendall(part)
                uploads.append((last - first, time.monotonic_ns() - begun))
                receive(client, 16)
        account = stand.finish()
    exact(account)
    least, most = np.array(uploads, dtype=np.int64).T
    assert_true(account.reading, "upload", Bounds(least, (least + most) // 2, most))
    # The first read was between the first piece's arrival and the end of them all.
    assert_true(
        account.reading,
        "app",
        Bounds(
            account["before_first"] - account["read"],
            account["before_first"] - account["before_read"],
            account["after_first"] - account["before_read"],
        ),
    )


def two_pieces(client: socket.socket, responses: int) -> None:
    for _ in range(REQUESTS):
        client.sendall(REQUEST)
        time.sleep(PIECE_S)
        client.sendall(REQUEST)
        receive(client, responses)


@pytest.mark.parametrize(
    ("traffic", "prefix_parts", "overlapped"),
    [(HTTP, 1, REQUESTS), (HTTP, 0, 0), (UNKNOWN_TRAFFIC, 1, REQUESTS), (OURS, 1, 0)],
    ids=["two-status-lines", "one-status-line", "not-http", "one-outstanding"],
)
def test_two_responses_to_what_came_in_two_pieces(
    lab: Lab, probe: SocketProbe, traffic: Traffic, prefix_parts: int, overlapped: int
) -> None:
    """A service that reads ahead: the kernel sees one request in pieces, and a response in two."""
    options = {"request": 2 * len(REQUEST), "response": 128, "parts": 2, "between": 1000}
    options |= {"prefix_parts": prefix_parts}
    with Stand(lab, probe, traffic=traffic, prefix=HEAD, **options) as stand:
        with stand.connect() as client:
            two_pieces(client, 128)
        account = stand.finish()
    exact(account, overlapped=overlapped)


def test_one_response_to_what_came_in_two_pieces_is_one_exchange(
    lab: Lab, probe: SocketProbe
) -> None:
    with Stand(lab, probe, request=2 * len(REQUEST)) as stand:
        with stand.connect() as client:
            two_pieces(client, 16)
        account = stand.finish()
    exact(account)
