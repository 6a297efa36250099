"""``load.keep_alive = false``: a connection for each request, in virtual time."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from socklat_gate.errors import Exit, InvalidMeasurement, Reason, UsageError
from socklat_gate.load import connection as connection_module
from socklat_gate.load.ports import check_ports
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.scenario import Load
from tests.certificates import issue
from tests.unit.load.load_of import HTTP_OK, PONG, load_of
from tests.unit.load.virtual import VirtualServer, connect, run

PLANNED = 101
END = b"\r\n\r\n"
CLOSED = HTTP_OK.replace(b"Content", b"Connection: close\r\nContent")


def fresh(**options: object) -> Load:
    return load_of(**{"driver": "http", "keep_alive": False, **options})


def respond(peer, _):
    peer.write(CLOSED)
    peer.server.perform(peer.transport.close)


def test_each_request_has_a_connection_of_its_own() -> None:
    server = VirtualServer(respond, END)
    (counts,) = run(fresh(), server)
    assert counts.planned == counts.sent == counts.responded == server.requests == PLANNED
    assert (counts.errors, counts.first_error, counts.starved, counts.grown) == (0, "", 0, 0)
    assert counts.answers.opened == PLANNED
    assert counts.answers.lost == 0  # closing is what they were asked for
    assert server.connections == PLANNED + 1  # the first only shows that the service is there


def test_requests_ask_for_the_close() -> None:
    heads = []

    def note(peer, number):
        heads.append(peer.data)
        respond(peer, number)

    run(fresh(), VirtualServer(note, END))
    assert all(b"\r\nConnection: close\r\n" in head for head in heads)


def test_the_service_closes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is its ports that wait for a minute; one that does not is reset in the end."""
    resets = []
    reset = connection_module.Connection._reset
    monkeypatch.setattr(
        connection_module.Connection,
        "_reset",
        lambda self: None if self.closed.done() else (resets.append(self), reset(self)),
    )
    run(fresh(), VirtualServer(respond, END))
    assert not resets

    def stay_open(peer, _):
        peer.write(HTTP_OK)

    server = VirtualServer(stay_open, END)
    (counts,) = run(fresh(duration_s=3.0), server)
    assert counts.responded == counts.planned
    assert counts.errors == 0
    assert len(resets) > counts.planned / 2


@pytest.mark.parametrize("tickets", [0, 2])
def test_over_tls_each_has_a_handshake(tmp_path: Path, tickets: int) -> None:
    issued = issue(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    context.num_tickets = tickets
    server = VirtualServer(respond, END, tls=context)
    (counts,) = run(fresh(tls={"ca_file": str(issued.cert_file)}), server)
    assert counts.responded == PLANNED
    assert counts.errors == 0
    assert counts.handshakes.total == server.connections == PLANNED + 1


def test_the_time_of_connecting_is_the_client_s(tmp_path: Path) -> None:
    """A service that takes long to accept: due times stay those of the schedule."""

    def greet(peer):
        peer.server.pause(0.01)

    issued = issue(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    server = VirtualServer(respond, END, greet, tls=context)
    load = fresh(tls={"ca_file": str(issued.cert_file)}, rate=20.0, duration_s=2.0)
    (counts,) = run(load, server)
    assert counts.responded == counts.planned == 40
    assert counts.client.quantile_ns(0.5) > 9e6
    assert counts.lag_p99_ns < 1e6  # the driver itself turned to each when it was due


def test_a_pause_is_met_with_more_at_once_and_then_with_a_queue() -> None:
    def pausing(peer, number):
        if number == 10:
            peer.server.pause(0.1)
        respond(peer, number)

    server = VirtualServer(pausing, END)
    (counts,) = run(fresh(max_connections=1000), server)
    assert counts.responded == PLANNED
    assert counts.grown > 20
    assert counts.starved == 0
    assert counts.client.max_ns() > 9e7

    (counts,) = run(fresh(max_connections=5), VirtualServer(pausing, END))
    assert counts.responded == PLANNED
    assert counts.grown == 0
    assert counts.starved > 20


def test_a_service_that_stops_listening_is_an_error_a_request() -> None:
    def stop(peer, number):
        respond(peer, number)
        if number == 50:
            peer.server.stop_listening()

    (counts,) = run(fresh(), VirtualServer(stop, END))
    assert counts.sent == counts.responded == 50
    assert counts.errors == PLANNED - 50
    assert counts.answers.errors == {"refused": PLANNED - 50}
    assert "refused" in counts.first_error


def test_a_connection_that_never_gets_ready_is_a_timeout(tmp_path: Path) -> None:
    issued = issue(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)

    def stall(peer, number):
        respond(peer, number)
        if number == 50:
            peer.server.pause(60.0)

    load = fresh(tls={"ca_file": str(issued.cert_file)}, timeout_s=0.2, max_connections=1000)
    (counts,) = run(load, VirtualServer(stall, END, tls=context))
    assert counts.responded == 50
    assert counts.errors == PLANNED - 50
    assert set(counts.answers.errors) <= {"timeout", "closed"}


def test_a_close_before_the_response_is_an_error() -> None:
    def drop(peer, number):
        if number % 10:
            respond(peer, number)
        else:
            peer.server.perform(peer.transport.close)

    (counts,) = run(fresh(), VirtualServer(drop, END))
    assert counts.answers.errors == {"closed": 10}
    assert counts.sent == PLANNED


def test_driver_tcp_closes_its_connections_itself() -> None:
    def pong(peer, _):
        peer.write(PONG)

    server = VirtualServer(pong)
    (counts,) = run(load_of(keep_alive=False), server)
    assert counts.responded == PLANNED
    assert server.connections == PLANNED + 1
    assert not server.peers


def test_nobody_there() -> None:
    driver, _ = connect(fresh())
    with driver, pytest.raises(InvalidMeasurement) as caught:
        driver.connect()
    assert caught.value.reason is Reason.LOAD_REFUSED


def test_more_connections_than_ports_are_a_usage_error_with_the_numbers(tmp_path: Path) -> None:
    ports = tmp_path / "range"
    ports.write_text("32768\t60999\n")
    check_ports(load_of(keep_alive=False, rate=470.0), ports)
    check_ports(load_of(rate=10_000.0), ports)
    check_ports(fresh(rate=10_000.0), ports)  # there the service closes first
    for path in (ports, tmp_path / "none"):
        with pytest.raises(UsageError) as caught:
            check_ports(load_of(keep_alive=False, rate=471.0), path)
        assert caught.value.exit_code is Exit.USAGE
        assert "load.rate = 471 with load.keep_alive = false" in caught.value.message
        assert "28232 ports" in caught.value.message
        assert "set load.rate to 470 or less" in (caught.value.remedy or "")


def test_ports_are_counted_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="ports"):
        LoadProcess(load_of(keep_alive=False, rate=2000.0), [Endpoint("127.0.0.1", 1)], 1)
