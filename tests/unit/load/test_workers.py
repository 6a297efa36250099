"""Several workers send what one would send, and count what one would count; in virtual time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate import masking
from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.checks import find_undelivered
from socklat_gate.load.schedule import make_schedule
from tests.unit.load.load_of import HTTP_OK, PONG, load_of, pong
from tests.unit.load.test_framed_load import (
    BytesServer,
    Room,
    Shop,
    grpc,
    http2,
    http2_server,
    websocket,
)
from tests.unit.load.test_fresh_pool import CLOSED
from tests.unit.load.test_load_window import end_after_700_ms, planned, window_load
from tests.unit.load.test_load_window import run as run_window
from tests.unit.load.test_setup_run import Shop as LoginShop
from tests.unit.load.test_setup_run import shop_load
from tests.unit.load.test_streams import slow_server
from tests.unit.load.virtual import LEAD_NS, VirtualServer, connect, run

SEVERAL = [2, 3, 4]
TEMPLATES = {
    "driver": "http",
    "request": [
        {
            "name": "user",
            "weight": 3.0,
            "path": "/users/{id}?{seq}",
            "headers": {"X-Request-Id": "{uuid}", "X-Token": "{token}"},
        },
        {"name": "item", "path": "/items/{random_int:1:99999}"},
        {"name": "home", "path": "/"},
    ],
}


@pytest.fixture
def feeder(tmp_path, monkeypatch):
    (tmp_path / "users.csv").write_text(
        "id,token\n" + "".join(f"{number},t{number * 7919}\n" for number in range(37))
    )
    monkeypatch.chdir(tmp_path)
    return {"feeder": "users.csv"}


def recorder(log):
    """A server that writes down what it got on which connection."""

    def respond(peer, _):
        log.append((peer.number, peer.data))
        peer.write(HTTP_OK)

    return VirtualServer(respond, b"\r\n\r\n")


def drive(load, servers, workers, **options):
    """Counts by arm, and what was sent in the order of its time."""
    driver, worker = connect(load, *servers, workers=workers, **options)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        counts = driver.wait()
        rows = driver.sent()
    return counts, None if rows is None else rows[np.argsort(rows["sent_ns"], kind="stable")]


@pytest.mark.parametrize("interleave", ["request", "slice"])
@pytest.mark.parametrize("workers", SEVERAL)
def test_the_same_bytes_leave_at_the_same_times_over_as_many_connections(
    workers, interleave, feeder
):
    """Request i is filled with the same values whoever sends it."""
    load = load_of(**TEMPLATES, **feeder, rate=977.0, arrivals="poisson", warmup_s=0.1)
    found = []
    for many in (1, workers):
        logs = [], []
        servers = [recorder(log) for log in logs]
        counts, rows = drive(load, servers, many, interleave=interleave, slice_ms=20.0)
        assert [server.connections for server in servers] == [5, 5]
        found.append((logs, counts, rows))
    (logs, counts, rows), (shared_logs, shared_counts, shared_rows) = found
    for log, shared in zip(logs, shared_logs, strict=True):
        assert [data for _, data in shared] == [data for _, data in log]
        # Each connection has the same requests, whatever its number.
        assert by_connection(shared) == by_connection(log)
    assert len({data for _, data in logs[0]}) > 50
    assert {one.workers for one in shared_counts} == {workers}
    assert [timeless(one) for one in shared_counts] == [timeless(one) for one in counts]
    for name in ("ordinal", "kind", "arm"):
        assert np.array_equal(shared_rows[name], rows[name])
    assert np.allclose(np.diff(shared_rows["sent_ns"]), np.diff(rows["sent_ns"]), atol=3)


def timeless(counts):
    """Without times, which differ by how the virtual clock's are rounded, and workers."""
    parts = {name: (part.client.total, part) for name, part in counts.requests.items()}
    return replace(
        counts,
        workers=1,
        late_p99_ns=0,
        lag_p99_ns=0,
        client=counts.client.total,
        requests={name: replace(part, client=total) for name, (total, part) in parts.items()},
    )


def by_connection(log):
    found = {}
    for number, data in log:
        found.setdefault(number, []).append(data)
    return sorted(map(tuple, found.values()))


@pytest.mark.parametrize("workers", SEVERAL)
def test_a_login_is_done_once_and_its_token_is_everybody_s(workers, monkeypatch):
    monkeypatch.setattr(masking._Known, "values", {})
    one, other = LoginShop("a"), LoginShop("b")
    counts = run(shop_load(), one.server, other.server, workers=workers)
    for shop, count in zip((one, other), counts, strict=True):
        assert (count.errors, count.first_error) == (0, "")
        assert [line.split()[1] for line, *_ in shop.asked].count("/login") == 1
        # Each arm has the token that it gave out itself, and the kernel saw both requests.
        assert count.responded == len(shop.asked) - 2 == count.responded_total - 2
        assert masking.mask(f"log: {shop.token}") == f"log: {masking.MASK}"


def test_a_login_that_fails_starts_no_other_worker():
    shop = LoginShop()
    load = shop_load(setup=[{"name": "in", "path": "/no"}], headers={}, path="/")
    driver, _ = connect(load, shop.server, workers=3)
    with driver, pytest.raises(InvalidMeasurement, match=r"in \(GET\): HTTP status 401") as caught:
        driver.connect()
    assert caught.value.reason is Reason.SETUP_FAILED
    assert len(shop.asked) == 1


def test_types_of_grpc_are_asked_for_once():
    shop = Shop()
    server = http2_server(shop.respond)
    (counts,) = run(grpc(body='{"id": 1, "name": "x"}'), server, workers=2)
    assert (counts.errors, counts.responded, len(shop.seen)) == (0, 101, 101)
    assert (shop.questions, server.connections) == (2, 6)


def over_http2():
    server = http2_server(lambda peer, stream, *_: peer.say(stream, b"ok"))
    return http2(), server


def test_what_each_login_took_is_told_once():
    (counts,) = run(shop_load(), LoginShop().server, workers=3)
    assert list(counts.setup_ns) == ["login", "cart"]


def over_websocket():
    return websocket(), BytesServer(Room)


@pytest.mark.parametrize("make", [over_http2, over_websocket])
def test_other_protocols(make):
    load, server = make()
    (counts,) = run(load, server, workers=2)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.planned == counts.sent == counts.responded == counts.responded_total == 101
    assert server.connections == counts.answers.opened == 5


@pytest.mark.parametrize("workers", SEVERAL)
def test_a_connection_for_each_request(workers):
    def respond(peer, _):
        peer.write(CLOSED)
        peer.server.perform(peer.transport.close)

    server = VirtualServer(respond, b"\r\n\r\n")
    load = load_of(driver="http", keep_alive=False, max_connections=None)
    (counts,) = run(load, server, workers=workers)
    assert counts.planned == counts.sent == counts.responded == server.requests == 101
    assert counts.answers.opened == 101
    # Each worker's first connection only shows that the service is there.
    assert server.connections == 101 + workers


def test_several_streams_on_each_connection():
    load = http2(rate=1000.0, connections=4, streams=8, duration_s=0.5)
    rows = []
    for workers in (1, 3):
        server = slow_server(0.02)
        (counts,), of_all = drive(load, [server], workers)
        assert (counts.errors, counts.first_error, counts.starved) == (0, "", 0)
        assert counts.responded == counts.planned == of_all.size == 500
        assert server.connections == counts.answers.opened == 4
        assert (counts.streams.asked, counts.streams.allowed) == (8, 8)
        assert counts.streams.most == server.most()
        assert np.all(np.diff(of_all["due_ns"]) >= 0)
        rows.append(of_all)
    for name in ("kind", "arm"):
        assert np.array_equal(rows[0][name], rows[1][name])


def test_a_shaped_rate_with_a_pause_keeps_its_shape():
    load = load_of(rate=[[0, 400], [0.1, 0], [0.2, 2000]], duration_s=0.3, arrivals="poisson")
    schedule = make_schedule(load, 1, 7)
    for workers in (1, 3):
        server = VirtualServer(pong)
        (counts,) = run(load, server, workers=workers)
        assert counts.planned == counts.responded == server.requests == schedule.arm.size


@pytest.mark.parametrize("interleave", ["request", "slice"])
def test_all_end_at_the_same_request(interleave):
    load = window_load()
    servers = [VirtualServer(pong), VirtualServer(pong)]
    options = {"interleave": interleave, "slice_ms": 50.0}
    counts, windows = run_window(load, servers, end_after_700_ms, workers=3, **options)
    schedule = make_schedule(load, 2, 3, interleave, 50.0)
    for arm, server in enumerate(servers):
        assert counts[arm].planned == planned(schedule, arm, windows[1])
        assert counts[arm].planned == counts[arm].sent == counts[arm].responded
        assert counts[arm].responded_total == server.requests


def test_growth_in_a_pause_is_shared():
    def respond(peer, number):
        if number == 100:
            peer.server.pause(0.3)
        peer.write(PONG)

    load = load_of(duration_s=1.0, max_connections=60)
    server = VirtualServer(respond)
    (counts,) = run(load, server, workers=2)
    assert counts.planned == counts.responded == server.requests
    assert 0 < counts.grown <= 55
    assert server.connections == counts.answers.opened == 5 + counts.grown


def test_errors_are_counted_by_kind_as_the_server_made_them():
    did = {"503": 0, "closed": 0}

    def respond(peer, number):
        if number % 7 == 0:
            did["503"] += 1
            peer.write(HTTP_OK.replace(b"200 OK", b"503 Busy"))
        elif number % 11 == 0:
            did["closed"] += 1
            peer.transport.close()
        else:
            peer.write(HTTP_OK)

    server = VirtualServer(respond, b"\r\n\r\n")
    (counts,) = run(load_of(driver="http"), server, workers=4)
    assert counts.answers.errors == {"bad_status": did["503"], "closed": did["closed"]}
    assert counts.answers.statuses["503"] == did["503"]
    assert counts.errors == sum(did.values())
    assert counts.no_response_total == counts.answers.lost == did["closed"]
    assert "127.0.0.1:1: " in counts.first_error


def test_progress_is_the_sum_and_comes_once_a_second():
    seen, server = [], VirtualServer(pong)
    run(load_of(duration_s=5.0), server, workers=3, on_progress=lambda *told: seen.append(told))
    assert 3 <= len(seen) <= 6
    assert seen == sorted(seen)
    assert all(responded <= sent <= server.requests for sent, responded in seen)
    assert seen[-1][0] > 0.6 * server.requests


def test_a_service_that_takes_fewer_connections_refuses_the_load():
    class Few(VirtualServer):
        def accept(self):
            self.listening = self.accepted < 3
            self.accepted += 1
            return super().accept()

    server = Few(pong)
    server.accepted = 1
    driver, _ = connect(load_of(), server, workers=2)
    with driver, pytest.raises(InvalidMeasurement, match="did not take the load's") as caught:
        driver.connect()
    assert caught.value.reason is Reason.LOAD_REFUSED


def told(load, change, monkeypatch):
    """The error of a load whose second worker says something else of what it counted."""
    driver, worker = connect(load, VirtualServer(pong), VirtualServer(pong), workers=2)
    with driver:
        driver.connect()
        second = driver._group._workers[1]
        receive = second.receive

        def changed(within_s):
            event = receive(within_s)
            for arm in (event or {}).get("arms", ()):
                change(arm["counts"])
            return event

        monkeypatch.setattr(second, "receive", changed)
        driver.start(worker.now_ns() + LEAD_NS)
        with pytest.raises(InvalidMeasurement) as caught:
            driver.wait()
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED
    return caught.value.message


def test_a_worker_that_sent_nothing_is_no_measurement(monkeypatch):
    nothing = {"sent": 0, "responded": 0, "responded_total": 0, "no_response_total": 0}
    message = told(load_of(), lambda counts: counts.update(nothing), monkeypatch)
    assert message.startswith("load worker 2 of 2 sent none of its ")


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_service_that_refuses_what_one_worker_sends_is_no_fault_of_the_driver(keep_alive):
    """The first request ends the service: only one worker of a tiny load has sent anything."""

    def die(peer, _):
        peer.write(CLOSED)
        server.die()

    server = VirtualServer(die, b"\r\n\r\n")
    load = load_of(
        driver="http", keep_alive=keep_alive, rate=10.0, duration_s=0.4, warmup_s=0.0, timeout_s=0.5
    )
    ((counts,), _) = drive(load, [server], 2)
    assert server.requests == 1
    assert (counts.planned, counts.sent) == (4, 1)
    assert counts.answers.errors["refused"] == 3
    lacking = find_undelivered(load, [counts], ["candidate"])[0]
    assert lacking.error.reason is Reason.LOAD_ERRORS
    assert lacking.error.message.startswith("candidate: 3 of 4 requests failed")
    assert lacking.error.message.endswith("onnection refused")


def test_one_that_accepts_but_is_then_silent_is_no_fault_either(monkeypatch):
    """Lost connections that cannot be opened again leave requests without any error."""
    lost = {"sent": 0, "responded": 0, "responded_total": 0, "no_response_total": 0, "errors": 0}

    def change(counts):
        counts.update(lost)
        counts["answers"]["lost"] = counts["answers"]["opened"]

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        told(load_of(), change, monkeypatch)


def test_shares_that_leave_requests_out_are_no_measurement(monkeypatch):
    def lose_one(counts):
        counts["planned"] -= 1

    message = told(load_of(), lose_one, monkeypatch)
    assert "2 load workers add up to [" in message
    assert "were due" in message


def test_a_worker_that_begins_a_second_late_shows_as_a_late_driver(monkeypatch):
    driver, worker = connect(load_of(duration_s=2.0), VirtualServer(pong), workers=2)
    with driver:
        driver.connect()
        second = driver._group._workers[1]
        send = second.send
        monkeypatch.setattr(
            second, "send", lambda **order: worker.loop.call_later(1.0, lambda: send(**order))
        )
        driver.start(worker.now_ns() + LEAD_NS)
        (counts,) = driver.wait()
    assert counts.planned == counts.responded == 808
    assert 900_000_000 < counts.late_p99_ns < 1_000_000_000
    assert counts.client.at_least(100_000_000) > 100
