"""`TlsSession` by bytes, against a server of the ``ssl`` module in memory: no sockets."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.load.protocols.http import HttpParser
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.parser_state import ParserState
from socklat_gate.load.protocols.tls import TlsClient, TlsSession
from socklat_gate.load.protocols.tls_failure import TlsFailed, explain
from socklat_gate.scenario.tls import Tls
from tests.certificates import Issued, issue

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Http(ParserState):
    """An HTTP session whose requests are all the same; ``preface`` are its own control bytes."""

    def __init__(self, preface: bytes = b"") -> None:
        super().__init__()
        self.parser = HttpParser()
        self.preface = preface
        self.ready = True

    @property
    def has_control(self) -> bool:
        return bool(self.preface)

    def control(self) -> bytes:
        data, self.preface = self.preface, b""
        return data

    def request(self, request: int) -> bytes:
        return REQUEST

    def feed(self, data: bytes) -> int:
        return self._after(self.parser.feed(data))

    def eof(self) -> int:
        return self._after(self.parser.eof())

    def _after(self, done: int) -> int:
        for name in ParserState.__slots__:
            setattr(self, name, getattr(self.parser, name))
        return done


class Server:
    """The other end; ``got`` is what it decrypted."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.shaken = False
        self.got = b""

    def feed(self, data: bytes) -> bytes:
        """Takes bytes; what it says to them."""
        self.incoming.write(data)
        try:
            if not self.shaken:
                self.tls.do_handshake()
                self.shaken = True
            while data := self.tls.read(1 << 16):
                self.got += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.shaken = False
        return self.outgoing.read()

    def send(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()

    def close(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue(tmp_path_factory.mktemp("tls"), "server")


def server_context(
    issued: Issued,
    *,
    version: str = "1.3",
    tickets: int = 2,
    alpn: list[str] | None = None,
    clients: Issued | None = None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    context.maximum_version = VERSIONS[version]
    context.num_tickets = tickets
    if alpn:
        context.set_alpn_protocols(alpn)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.cert_file)
    return context


def tls_of(issued: Issued, **settings: Any) -> Tls:
    return Tls(**{"ca_file": str(issued.cert_file), **settings})


def shake(session: TlsSession, server: Server) -> bytes:
    """The handshake; what the service said last, which the client has not had yet."""
    said = b""
    while session.has_control:
        said = server.feed(session.control())
        if not session.established:
            session.feed(said)
            said = b""
    return said


def opened(session: TlsSession, server: Server) -> None:
    """The handshake, and what comes after it, as the first connection of a load has it."""
    session.feed(shake(session, server))
    session.settle()


def failure(tls: Tls, context: ssl.SSLContext, *alpn: str) -> TlsFailed:
    """How a handshake fails, at the latest by what the service says after it."""
    session, server = TlsSession(Http(), TlsClient(tls, alpn)), Server(context)
    with pytest.raises(TlsFailed) as caught:
        session.feed(shake(session, server))
    return caught.value


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tickets", [0, 1, 2])
def test_a_request_is_one_piece_and_its_response_is_found(
    issued: Issued, version: str, tickets: int
) -> None:
    server = Server(server_context(issued, version=version, tickets=tickets))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    assert not session.ready
    late = shake(session, server)
    assert session.established
    assert server.got == b""  # nothing of the handshake is a request
    assert session.feed(late) == 0  # and no ticket a response
    assert session.ready is (version == "1.2")  # else tickets may still come
    session.settle()
    assert session.ready
    for number in range(1, 4):
        reply = server.feed(session.request(number)) + server.send(OK)
        assert server.got == number * REQUEST
        assert session.feed(reply) == 1
        assert (session.status, session.size, session.reusable) == (200, 3, True)
        assert not session.has_control


def test_a_response_may_come_byte_by_byte(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    while session.has_control:
        for byte in server.feed(session.control()):
            session.feed(bytes([byte]))
    server.feed(session.request(0))
    reply = server.send(OK)
    assert [session.feed(bytes([byte])) for byte in reply] == [0] * (len(reply) - 1) + [1]


def test_a_large_response_comes_in_many_records(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    session.feed(shake(session, server))
    server.feed(session.request(0))
    body = b"x" * 100_000
    reply = server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for at in range(0, len(body), 50_000):
        reply += server.send(body[at : at + 50_000])
    assert session.feed(reply) == 1
    assert session.size == len(body)


def test_a_later_connection_is_ready_only_with_the_tickets_of_earlier_ones(issued: Issued) -> None:
    client, context = TlsClient(tls_of(issued)), server_context(issued)
    server = Server(context)
    first = TlsSession(Http(), client)
    opened(first, server)
    assert client.tickets == 2

    server = Server(context)
    second = TlsSession(Http(), client)
    tickets = shake(second, server)
    assert second.established
    assert not second.ready
    half = tickets[: len(tickets) // 2]
    second.feed(half)
    assert not second.ready
    second.feed(tickets[len(half) :])
    assert second.ready


def test_a_connection_without_the_usual_tickets_can_be_settled(issued: Issued) -> None:
    client = TlsClient(tls_of(issued))
    client.learn(2)
    session = TlsSession(Http(), client)
    session.feed(shake(session, Server(server_context(issued, tickets=0))))
    assert not session.ready
    session.settle()
    assert session.ready


def test_settling_before_the_handshake_makes_nothing_ready(issued: Issued) -> None:
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    session.settle()
    assert not session.ready


def test_one_connection_used_too_early_teaches_nothing(issued: Issued) -> None:
    client = TlsClient(tls_of(issued))
    for tickets in (2, 0, 2):
        client.learn(tickets)
    assert client.tickets == 2


def test_what_the_inner_protocol_has_to_say_is_encrypted_control(issued: Issued) -> None:
    server = Server(server_context(issued))
    inner = Http(preface=b"PREFACE")
    inner.ready = False
    session = TlsSession(inner, TlsClient(tls_of(issued)))
    opened(session, server)
    assert server.got == b"PREFACE"
    assert not session.ready
    inner.ready = True
    session.feed(server.send(b""))
    assert session.ready


def test_data_of_the_service_s_is_no_ticket(issued: Issued) -> None:
    """As a service of HTTP/2 begins: its settings come behind the tickets."""
    server = Server(server_context(issued))
    client = TlsClient(tls_of(issued))
    session = TlsSession(Http(), client)
    late = shake(session, server) + server.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    session.feed(late)
    session.request(0)
    assert client.tickets == 2


def test_a_response_without_a_length_ends_with_close_notify(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    opened(session, server)
    server.feed(session.request(0))
    assert session.feed(server.send(b"HTTP/1.1 200 OK\r\n\r\nall of it") + server.close()) == 1
    assert (session.size, session.reusable, session.eof()) == (9, False, 0)


def test_without_close_notify_the_response_may_be_cut_off(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    opened(session, server)
    server.feed(session.request(0))
    assert session.feed(server.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of")) == 0
    with pytest.raises(TlsFailed, match="in the middle of a response, without close_notify"):
        session.eof()


def test_close_notify_without_a_request_ends_the_connection(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    session.feed(shake(session, server))
    assert session.feed(server.close()) == 0
    assert not session.reusable
    assert session.goodbye() == b""


def test_goodbye_is_a_close_notify(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    assert session.goodbye() == b""
    session.feed(shake(session, server))
    server.incoming.write(session.goodbye())
    assert server.tls.read(1) == b""
    assert session.goodbye() == b""


def test_http_1_1_may_be_chosen_by_silence(issued: Issued) -> None:
    client = TlsClient(tls_of(issued), ("http/1.1",))
    session = TlsSession(Http(), client)
    opened(session, Server(server_context(issued)))
    assert session.ready


def test_other_failures_name_cause_and_remedy(issued: Issued, tmp_path: Path) -> None:
    other = issue(tmp_path, "other")
    expired = issue(tmp_path, "expired", valid=timedelta(days=-1))
    plain = server_context(issued)
    old = server_context(issued, version="1.2")
    cases: list[tuple[TlsFailed, str, str]] = [
        (
            failure(tls_of(issued, server_name="shop.internal"), plain),
            "not for load.tls.server_name = 'shop.internal'",
            "set that to a name in the certificate, or set load.tls.insecure",
        ),
        (
            failure(tls_of(issued, server_name="10.0.0.1"), plain),
            "not for load.tls.server_name = '10.0.0.1'",
            "set that to a name",
        ),
        (failure(tls_of(other), plain), f"signed by none of {other.cert_file}", "load.tls.ca_file"),
        (failure(Tls(), plain), "signed by none of the system's", "load.tls.ca_file"),
        (
            failure(tls_of(expired), server_context(expired)),
            "certificate has expired",
            "make a new one in the image",
        ),
        (
            failure(tls_of(issued), plain, "h2"),
            "of the application protocols (ALPN) h2 the service takes none",
            "load.http",
        ),
        (
            failure(tls_of(issued, min_version="1.3"), old),
            "no version of TLS from 1.3 on",
            "load.tls.min_version",
        ),
    ]
    for found, cause, remedy in cases:
        assert cause in found.cause
        assert remedy in found.remedy
        assert str(found) == f"{found.cause}; {found.remedy}"


@pytest.mark.parametrize(
    ("reason", "cause", "remedy"),
    [
        ("TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "the service takes none", "load.http"),
        ("TLSV1_UNRECOGNIZED_NAME", "knows no host 'localhost'", "load.tls.server_name"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no version of TLS from 1.2 on", "load.tls.min_version"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "refused the handshake", "load.tls.cert_file"),
        ("BAD_RECORD_TYPE", "bad record type", "the service's log"),
    ],
)
def test_what_openssl_says_is_put_in_words_of_the_scenario(
    reason: str, cause: str, remedy: str
) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    found = explain(error, Tls(), ("h2",))
    assert cause in found.cause
    assert remedy in found.remedy


@pytest.mark.parametrize("version", VERSIONS)
def test_a_service_that_wants_a_client_s_certificate(
    issued: Issued, tmp_path: Path, version: str
) -> None:
    ca = issue(tmp_path, "ca")
    context = server_context(issued, version=version, clients=ca)
    found = failure(tls_of(issued), context)
    assert "load.tls.cert_file" in found.remedy
    wrong = issue(tmp_path, "wrong")
    tls = tls_of(issued, cert_file=str(wrong.cert_file), key_file=str(wrong.key_file))
    found = failure(tls, context)
    assert f"does not accept the client's certificate {wrong.cert_file}" in found.cause

    right = issue(tmp_path, "right", by=ca)
    for files in (
        {"cert_file": str(right.cert_file), "key_file": str(right.key_file)},
        {"cert_file": str(right.both)},
    ):
        server = Server(context)
        session = TlsSession(Http(), TlsClient(tls_of(issued, **files)))
        opened(session, server)
        assert session.ready
        assert server.tls.getpeercert()


@pytest.mark.parametrize("beginning", [OK, b"+PONG\r\n", b"\x00\x00\x12\x04"])
def test_what_speaks_no_tls_is_named(issued: Issued, beginning: bytes) -> None:
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    session.control()
    with pytest.raises(TlsFailed, match=r"take load\.tls out"):
        session.feed(beginning)


def test_a_close_in_the_handshake_is_a_failure(issued: Issued) -> None:
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    session.control()
    with pytest.raises(TlsFailed, match="closed the connection in the handshake"):
        session.eof()


def test_insecure_accepts_any_certificate(tmp_path: Path) -> None:
    expired = issue(tmp_path, "expired", names=["elsewhere"], valid=timedelta(days=-1))
    session = TlsSession(Http(), TlsClient(Tls(insecure=True)))
    shake(session, Server(server_context(expired)))
    assert session.established


def test_bytes_changed_on_the_way_are_no_response(issued: Issued) -> None:
    server = Server(server_context(issued))
    session = TlsSession(Http(), TlsClient(tls_of(issued)))
    session.feed(shake(session, server))
    server.feed(session.request(0))
    reply = bytearray(server.send(OK))
    reply[-1] ^= 1
    with pytest.raises(BadResponse, match="bad record mac"):
        session.feed(bytes(reply))


def test_a_key_update_is_no_response_and_its_own_leaves_with_the_next_request(
    issued: Issued,
) -> None:
    """OpenSSL's own server sends one on command; the ``ssl`` module has no word for it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    files = ["-cert", str(issued.cert_file), "-key", str(issued.key_file)]
    command = [openssl, "s_server", "-accept", f"127.0.0.1:{port}", *files, "-tls1_3", "-crlf"]
    command += ["-num_tickets", "0"]  # else these might be taken for the update
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            assert any(b"ACCEPT" in line for line in server.stdout)
            with socket.create_connection(("127.0.0.1", port), timeout=10.0) as client:
                session = TlsSession(Http(), TlsClient(tls_of(issued)))
                while session.has_control:
                    client.sendall(session.control())
                    if not session.established:
                        session.feed(client.recv(1 << 16))
                session.settle()
                for number in range(3):
                    client.sendall(session.request(number))
                    assert any(b"Host: x" in line for line in server.stdout)
                    server.stdin.write(b"K\n")  # asks for an update of the client's keys, too
                    server.stdin.flush()
                    assert session.feed(client.recv(1 << 16)) == 0
                    assert not session.has_control
                    server.stdin.write(b"HTTP/1.1 204 No Content\n\n")
                    server.stdin.flush()
                    while not session.feed(client.recv(1 << 16)):
                        pass
                    assert session.status == 204
        finally:
            server.kill()
