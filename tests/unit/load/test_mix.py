"""Several named requests: which is sent when, what its response is held against, and the counts."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from socklat_gate.load.schedule import make_schedule
from socklat_gate.load.worker_json import counts_from_json, counts_to_json
from tests.unit.load.load_of import HTTP_OK, PONG, load_of
from tests.unit.load.virtual import LEAD_NS, VirtualServer, connect, run

MIX = [
    {"name": "list", "weight": 6.0, "path": "/list"},
    {"name": "head", "weight": 3.0, "method": "HEAD", "path": "/head"},
    {"name": "make", "method": "POST", "path": "/make", "body": "{}", "expect": {"status": [201]}},
]
NAMES = ("list", "head", "make")


def mixed(**options):
    return load_of(driver="http", **{"request": MIX, "rate": 2000.0, **options})


def shop(created=b"201 Created", last=lambda peer, path: None):
    """A server of `MIX`, and how often it was asked for what."""
    asked = Counter()

    def respond(peer, _):
        method, path, _ = peer.data.split(b" ", 2)
        asked[path.decode().removeprefix("/")] += 1
        if method == b"HEAD":
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        elif method == b"POST":
            assert peer.data.endswith(b"Content-Length: 2\r\n\r\n{}")
            peer.unread = b""
            peer.write(b"HTTP/1.1 " + created + b"\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.write(HTTP_OK)
        last(peer, path)

    return VirtualServer(respond, b"\r\n\r\n"), asked


def test_each_kind_is_sent_as_often_as_its_weight_says_and_framed_by_itself():
    server, asked = shop()
    (counts,) = run(mixed(duration_s=1.0), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert {name: part.responded for name, part in counts.requests.items()} == asked
    assert sum(asked.values()) == counts.responded
    for name, share in zip(NAMES, (0.6, 0.3, 0.1), strict=True):
        assert abs(asked[name] - share * 2000) < 4 * np.sqrt(2000 * share * (1 - share))
    assert server.connections == 5


def test_counts_of_the_kinds_add_up_to_the_whole():
    server, _ = shop(created=b"200 OK")
    (counts,) = run(mixed(), server)
    parts = counts.requests
    assert list(parts) == list(NAMES)
    for member in ("planned", "sent", "responded", "errors"):
        assert sum(getattr(part, member) for part in parts.values()) == getattr(counts, member)
    assert parts["make"].errors == parts["make"].planned == counts.errors > 0
    assert parts["make"].answers.errors == {"unexpected_status": counts.errors}
    assert parts["list"].answers.statuses == {"200": parts["list"].responded}
    assert sum(part.client.total for part in parts.values()) == counts.client.total
    assert "make: HTTP status 200" in counts.first_error
    assert counts_from_json(json.loads(json.dumps(counts_to_json(counts)))) == counts


def test_a_load_without_names_has_no_parts_and_no_rows():
    driver, worker = connect(load_of(), VirtualServer(lambda peer, _: peer.write(PONG)))
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        (counts,) = driver.wait()
        assert driver.sent() is None
    assert counts.requests == {}


def sent_to(load, *servers):
    driver, worker = connect(load, *servers)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        counts = driver.wait()
        return counts, driver.sent()


def test_there_is_a_row_for_each_request_sent_warm_up_included():
    server, asked = shop()
    (counts,), rows = sent_to(mixed(warmup_s=0.1), server)
    assert rows.size == sum(asked.values()) == counts.responded_total > counts.responded
    assert {name: int(np.sum(rows["kind"] == kind)) for kind, name in enumerate(NAMES)} == asked
    assert rows["ordinal"].min() == 1
    assert np.all(np.diff(np.sort(rows["sent_ns"])) >= 0)
    # Five connections, each counted from 1 on.
    assert np.bincount(rows["ordinal"]).tolist()[1:3] == [5, 5]


def test_rows_begin_anew_with_each_connection_and_name_the_arm():
    def leave(peer, path):
        if path == b"/make":
            peer.transport.close()

    (one, other), _ = (shop(last=leave)[0] for _ in range(2)), None
    counts, rows = sent_to(mixed(), one, other)
    for arm in (0, 1):
        of_arm = rows[rows["arm"] == arm]
        assert of_arm.size == counts[arm].sent
        served = counts[arm].requests["make"].sent
        assert served <= int(np.sum(of_arm["ordinal"] == 1)) <= served + 5


def test_what_a_refused_connection_got_has_a_row_of_its_own():
    def refuse(peer, _):
        if peer.number > 2:
            peer.transport.close()
        elif peer.server.requests % 50 == 0:
            peer.server.pause(0.2)
            peer.write(HTTP_OK)
        else:
            peer.write(HTTP_OK)

    server = VirtualServer(refuse, b"\r\n\r\n")
    load = mixed(request=[{"name": "only"}], connections=2, max_connections=9, rate=400.0)
    (counts,), rows = sent_to(load, server)
    assert (counts.errors, counts.sent) == (0, counts.planned)
    assert rows.size == server.requests > counts.sent


def test_tcp_requests_have_a_framing_each():
    requests = [
        {"name": "ping", "payload": r"PING\r\n"},
        {"name": "get", "payload": r"GET\r\n", "response": 4},
        {"name": "all", "payload": r"ALL\r\n", "response": r"until:.\n", "expect": {"prefix": "x"}},
    ]
    replies = {b"PING\r\n": PONG, b"GET\r\n": b"1234", b"ALL\r\n": b"xyz.\n"}
    server = VirtualServer(lambda peer, _: peer.write(replies[peer.data]))
    (counts,) = run(load_of(request=requests), server)
    assert (counts.errors, counts.first_error, counts.responded) == (0, "", 101)
    sizes = {name: part.answers.sizes for name, part in counts.requests.items()}
    assert [round(sizes[name].mean_ns()) for name in ("ping", "get", "all")] == [7, 4, 5]


def test_kinds_are_a_stream_of_their_own():
    plain, several = load_of(rate=500.0), mixed(rate=500.0)
    one, other = make_schedule(plain, 2, 7), make_schedule(several, 2, 7)
    assert np.array_equal(one.offsets_ns, other.offsets_ns)
    assert np.array_equal(one.arm, other.arm)
    assert not one.kind.any()
    assert np.array_equal(other.kind, make_schedule(several, 2, 7).kind)
    assert not np.array_equal(other.kind, make_schedule(several, 2, 8).kind)
    # The other arm, or none, changes nothing of what is asked.
    alone = make_schedule(several.model_copy(update={"rate": 1000.0}), 1, 7).kind
    assert np.array_equal(alone, other.kind)


@pytest.mark.parametrize("longer_s", [1.0, 4.0])
def test_a_longer_run_begins_with_the_same_kinds(longer_s):
    short, long = (make_schedule(mixed(duration_s=s), 2, 7).kind for s in (0.5, longer_s))
    assert np.array_equal(long[: short.size], short)


def test_kinds_are_fair_and_independent_of_the_coin():
    schedule = make_schedule(mixed(duration_s=5.0), 2, 11)
    for kind, share in enumerate((0.6, 0.3, 0.1)):
        for arm in (0, 1):
            of_arm = schedule.kind[schedule.arm == arm]
            spread = np.sqrt(of_arm.size * share * (1 - share))
            assert abs(np.sum(of_arm == kind) - share * of_arm.size) < 4 * spread


def test_counts_without_handshakes_and_with():
    server, _ = shop()
    (counts,) = run(mixed(), server)
    shaken = dataclasses.replace(counts, handshakes=counts.client)
    assert counts_from_json(json.loads(json.dumps(counts_to_json(shaken)))) == shaken
