"""The driver over TLS, against a server of the test's whose time is virtual."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from socklat_gate.errors import Exit, InvalidMeasurement, Reason, UsageError
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.scenario import Load
from tests.certificates import Issued, issue
from tests.unit.load.load_of import HTTP_OK, load_of, pong
from tests.unit.load.virtual import VirtualServer, connect, run

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
PLANNED = 101
END = b"\r\n\r\n"


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue(tmp_path_factory.mktemp("tls"), "server")


def served(issued: Issued, *, version: str = "1.3", tickets: int = 2) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    context.maximum_version = VERSIONS[version]
    context.num_tickets = tickets
    return context


def ok(peer, _):
    peer.write(HTTP_OK)


def over_tls(issued: Issued, **options: object) -> Load:
    return load_of(**{"driver": "http", "tls": {"ca_file": str(issued.cert_file)}, **options})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tickets", [0, 2])
def test_every_request_has_its_response(issued: Issued, version: str, tickets: int) -> None:
    context = served(issued, version=version, tickets=tickets)
    server = VirtualServer(ok, END, tls=context)
    (counts,) = run(over_tls(issued), server)
    assert counts.planned == counts.sent == counts.responded == server.requests == PLANNED
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.answers.opened == server.connections == 5
    assert counts.answers.lost == 0
    assert counts.handshakes.total == 5
    ((negotiated, connections),) = counts.answers.tls.items()
    assert negotiated.startswith(f"TLSv{version} ")
    assert connections == 5


def test_the_cipher_of_each_arm_is_told(issued: Issued) -> None:
    names = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    servers = []
    for name in names:
        context = served(issued, version="1.2")
        context.set_ciphers(name)
        servers.append(VirtualServer(ok, END, tls=context))
    told = [arm.answers.tls for arm in run(over_tls(issued), *servers)]
    assert told == [{f"TLSv1.2 {name}": 5} for name in names]


def test_driver_tcp_speaks_tls_too(issued: Issued) -> None:
    server = VirtualServer(pong, tls=served(issued))
    (counts,) = run(load_of(tls={"ca_file": str(issued.cert_file)}), server)
    assert counts.responded == server.requests == PLANNED


def test_without_tls_there_are_no_handshakes() -> None:
    (counts,) = run(load_of(), VirtualServer(pong))
    assert counts.handshakes is None
    assert counts.answers.tls == {}


def test_the_host_is_the_server_s_name(issued: Issued) -> None:
    heads = []

    def note(peer, _):
        heads.append(peer.data)
        ok(peer, _)

    run(over_tls(issued), VirtualServer(note, END, tls=served(issued)))
    assert b"\r\nHost: localhost:1\r\n" in heads[0]


def test_a_connection_that_the_service_ends_is_opened_again(issued: Issued) -> None:
    def respond(peer, number):
        ok(peer, number)
        if number % 10 == 0:
            peer.transport.close()

    server = VirtualServer(respond, END, tls=served(issued))
    (counts,) = run(over_tls(issued), server)
    assert counts.responded == PLANNED
    assert counts.answers.lost == 10
    assert counts.handshakes.total == counts.answers.opened == server.connections == 15


def test_connections_on_top_shake_hands_too(issued: Issued) -> None:
    def respond(peer, number):
        if number == 3:
            peer.server.pause(0.1)
        ok(peer, number)

    server = VirtualServer(respond, END, tls=served(issued))
    (counts,) = run(over_tls(issued, max_connections=50), server)
    assert counts.responded == PLANNED
    assert counts.grown > 0
    assert counts.handshakes.total == server.connections == 5 + counts.grown


def refusal(load: Load, server: VirtualServer | None) -> InvalidMeasurement:
    driver, _ = connect(load, *([server] if server else []))
    with driver, pytest.raises(InvalidMeasurement) as caught:
        driver.connect()
    assert caught.value.exit_code is Exit.INVALID
    assert caught.value.reason is Reason.LOAD_REFUSED
    return caught.value


def test_a_certificate_that_does_not_fit_is_invalid_with_its_remedy(
    issued: Issued, tmp_path: Path
) -> None:
    server = VirtualServer(ok, END, tls=served(issued))
    tls = {"ca_file": str(issued.cert_file), "server_name": "shop.internal"}
    error = refusal(over_tls(issued, tls=tls), server)
    assert "TLS: the service's certificate is not for load.tls.server_name" in error.message
    assert "(0 of 5 connections opened)" in error.message
    assert error.remedy.startswith("set that to a name in the certificate")
    assert server.connections <= 5  # nothing is tried again

    expired = issue(tmp_path, "expired", valid=timedelta(days=-1))
    error = refusal(over_tls(expired), VirtualServer(ok, END, tls=served(expired)))
    assert "not valid today" in error.message
    assert "make a new one" in error.remedy


def test_a_service_without_tls_is_invalid_with_its_remedy(issued: Issued) -> None:
    def respond(peer, _):
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    error = refusal(over_tls(issued), VirtualServer(respond, b"\x16"))
    assert "no TLS, it begins with 'HTTP/1.1 400 Bad Request" in error.message
    assert error.remedy.startswith("take load.tls out")


def test_a_setup_that_finds_no_tls_says_what_to_do(issued: Issued) -> None:
    def respond(peer, _):
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    load = over_tls(issued, setup=[{"name": "login"}])
    driver, _ = connect(load, VirtualServer(respond, b"\x16"))
    with driver, pytest.raises(InvalidMeasurement, match=r"take load\.tls out") as caught:
        driver.connect()
    assert caught.value.reason is Reason.SETUP_FAILED


def test_a_service_that_only_closes_is_tried_again_until_it_is_up(issued: Issued) -> None:
    closing = VirtualServer(ok, END, greet=lambda peer: peer.transport.close())
    error = refusal(over_tls(issued), closing)
    assert "closed the connection in the handshake" in error.message
    assert closing.connections > 50


@pytest.mark.parametrize("version", VERSIONS)
def test_a_service_that_wants_a_certificate(issued: Issued, version: str, tmp_path: Path) -> None:
    ca = issue(tmp_path, "ca")
    context = served(issued, version=version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca.cert_file)
    error = refusal(over_tls(issued), VirtualServer(ok, END, tls=context))
    assert "load.tls.cert_file" in error.remedy

    client = issue(tmp_path, "client", by=ca)
    tls = {"ca_file": str(issued.cert_file), "cert_file": str(client.both)}
    (counts,) = run(over_tls(issued, tls=tls), VirtualServer(ok, END, tls=context))
    assert counts.responded == PLANNED


def test_a_file_that_cannot_be_used_is_said_before_anything_runs() -> None:
    load = load_of(tls={"ca_file": "/nowhere/ca.pem"})
    with pytest.raises(UsageError, match=r"load\.tls\.ca_file: /nowhere/ca\.pem") as caught:
        LoadProcess(load, [Endpoint("127.0.0.1", 1)], 1)
    assert caught.value.exit_code is Exit.USAGE


def test_a_response_that_is_cut_off_is_an_error(issued: Issued) -> None:
    """One without a length and without close_notify: the service's process died in the middle."""

    def respond(peer, number):
        if number % 10:
            ok(peer, number)
            return
        peer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        peer.transport.get_extra_info("socket")
        raw = peer.transport._ssl_protocol._transport
        raw.close()

    server = VirtualServer(respond, END, tls=served(issued))
    (counts,) = run(over_tls(issued), server)
    assert counts.errors == 10
    assert counts.answers.errors == {"closed": 10}
    assert "without close_notify" in counts.first_error
