"""``load.hello``: a connection's first words, which are no request."""

from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.messages import MessageSource
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.load.protocols.hello import HelloSession
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.registry import session_for
from socklat_gate.load.protocols.resp import RespParser
from socklat_gate.scenario.loader import scenario_of
from socklat_gate.scenario.secret import SecretRef
from socklat_gate.scenario.tables import tables_of
from tests.unit.load.load_of import PONG, load_of
from tests.unit.load.load_server import Server

CANARY = "canary5bd1e8c7a2f4096"
AUTH = ["AUTH ", SecretRef(env="CACHE_PASSWORD"), r"\r\n"]


@pytest.fixture(autouse=True)
def value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_PASSWORD", CANARY)


class Cache:
    """Wants its password first on each connection; counts what it is asked then."""

    def __init__(self, password=CANARY):
        self.password = password
        self.known = set()
        self.hellos = self.asked = 0

    def __call__(self, peer, _):
        if peer.number in self.known:
            self.asked += 1
            peer.write(PONG)
            return
        self.hellos += 1
        # What was asked is no longer there: the server splits requests at their ends.
        self.known.add(peer.number)
        peer.write(b"+OK\r\n")


def run(load, server):
    with LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 7) as driver:
        driver.connect()
        driver.start(time.monotonic_ns() + 20_000_000)
        (counts,) = driver.wait()
        return counts


def test_each_connection_says_it_once_and_no_request_is_counted_for_it():
    cache = Cache()
    with Server(cache) as server:
        counts = run(load_of(hello=AUTH), server)
    assert cache.hellos == server.connections == 5
    assert cache.asked == counts.sent == counts.responded == counts.responded_total == 101
    assert counts.errors == 0
    assert counts.handshakes is None


def test_a_hello_that_is_refused_ends_the_run_and_shows_no_secret():
    def refuse(peer, _):
        peer.write(b"-WRONGPASS invalid password " + CANARY.encode() + b"\r\n")

    with Server(refuse) as server, pytest.raises(InvalidMeasurement) as caught:
        run(load_of(hello=AUTH), server)
    assert caught.value.reason is Reason.LOAD_REFUSED
    assert "load.hello was refused: WRONGPASS invalid password ***" in caught.value.message


def session(**options):
    load = load_of(hello=r"HELLO 3\r\n", **options)
    return session_for(load, MessageSource(load, [0]), "h", 1)()


def test_its_bytes_come_once_and_before_any_request():
    found = session()
    assert isinstance(found, HelloSession)
    assert (found.ready, found.has_control) == (False, True)
    assert found.control() == b"HELLO 3\r\n"
    assert (found.ready, found.has_control) == (False, False)
    assert found.feed(b"%1\r\n+server\r\n") == 0
    assert not found.ready
    assert found.feed(b"+redis\r\n") == 0
    assert found.ready
    assert found.request(0) == b"PING\r\n"
    assert found.feed(PONG) == 1


def test_more_than_one_response_to_it_is_an_error():
    found = session()
    found.control()
    with pytest.raises(BadResponse, match=r"load\.hello got more bytes"):
        found.feed(b"+OK\r\n+OK\r\n")


def test_without_one_a_session_is_ready_at_once():
    load = load_of()
    found = session_for(load, MessageSource(load, [0]), "h", 1)()
    assert found.ready
    assert not isinstance(found, HelloSession)
    assert RespParser().feed(PONG) == 1


SCENARIO = """
name = "cache"
[service]
image = "cache:dev"
port = 6379
[load]
payload = 'PING\\r\\n'
"""


def hash_of(*more):
    text = SCENARIO + "\n".join(more)
    return scenario_of(tables_of("s", "socklat.toml", text)).measured_hash()


def test_it_is_a_part_of_the_scenarios_hash_only_where_it_is_given():
    hello = "hello = ['AUTH ', { env = 'CACHE_PASSWORD' }]"
    assert hash_of(hello) == hash_of(hello)
    assert hash_of() != hash_of(hello) != hash_of("hello = 'AUTH x'")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hello": "a\\q"}, "unknown escape"),
        ({"hello": ""}, "at least 1"),
        ({"hello": []}, "at least 1"),
        ({"hello": "x", "driver": "http", "payload": None}, "hello is of driver tcp"),
    ],
)
def test_one_that_cannot_be(options, said):
    with pytest.raises(ValidationError, match=said):
        load_of(**options)
