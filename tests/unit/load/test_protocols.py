"""The registry of protocols: what each module must have, and how `init` recognises a service."""

from __future__ import annotations

import sys

import pytest

from socklat_gate.init.detection import detect_at, guess
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.load.protocols.registry import DETECTORS, PROTOCOLS
from socklat_gate.scenario import Load
from socklat_gate.scenario.response import NAMED_RESPONSES
from tests.unit.load.load_server import Server

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_an_example_is_a_load_that_selects_its_protocol(protocol):
    load = Load.model_validate(tomllib.loads(protocol.example)["load"])
    selected = [
        other
        for other in PROTOCOLS
        if other.framing and other.framing.selected_by(load, load.requests[0])
    ]
    assert selected == ([protocol] if protocol.framing else [])
    assert protocol.framing or load.driver == "command"


def test_names_are_unique_and_those_of_the_scenario():
    assert len({protocol.name for protocol in PROTOCOLS}) == len(PROTOCOLS)
    named = tuple(protocol.response for protocol in PROTOCOLS if protocol.response)
    assert named == NAMED_RESPONSES
    ports = [port for detector in DETECTORS for port in detector.ports]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_what_init_writes_for_a_protocol_is_a_load(detector):
    for port in detector.ports:
        assert guess(port).protocol is detector
    found = DetectedProtocol(detector)
    lines = {line.key: line.value for line in detector.load_keys(found)}
    if "command.argv" in lines:
        lines["command"] = {"argv": lines.pop("command.argv")}
    listed = [
        {"name": one.name, "payload": one.payload, "response": one.response}
        for one in detector.requests
    ]
    load = Load.model_validate(lines | {"request": listed})
    assert load.driver == detector.driver
    assert detector.stand_in == (detector.driver == "http")
    assert all(tomllib.loads(hint) for hint in detector.hints)


@pytest.mark.parametrize(
    ("response", "request_end", "name", "status"),
    [
        (b"+PONG\r\n", b"PING\r\n", "RESP", 0),
        (b"VERSION 1.6.40\r\n", b"version\r\n", "memcached", 0),
        (b"N", b"\x04\xd2\x16\x2f", "PostgreSQL", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"\r\n\r\n", "HTTP", 204),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"\r\n\r\n", "HTTP", 200),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"\r\n\r\n",
            "HTTP",
            200,
        ),
    ],
)
def test_a_service_is_recognised_by_its_response(response, request_end, name, status):
    def respond(peer, _):
        peer.write(response)

    def refuse(peer):
        peer.transport.close()

    with Server(respond, request_end, on_unknown=refuse) as server:
        found = detect_at("127.0.0.1", server.port, ("/health",))
    assert (found.protocol.name, found.status, found.verified) == (name, status, True)
    assert (found.latency_s > 0) == (name != "PostgreSQL")


def test_a_service_that_speaks_nothing_known_is_guessed_and_the_names_are_listed():
    with Server(lambda *_: None, greet=lambda peer: peer.transport.close()) as server:
        found = detect_at("127.0.0.1", server.port)
    assert (found.protocol.name, found.verified) == ("HTTP", False)
    assert found.problem.endswith("speaks none of HTTP, HTTP/2, RESP, memcached, PostgreSQL")
