"""The driver with HTTP/2, gRPC and WebSocket, against servers of the test's in virtual time."""

from __future__ import annotations

import asyncio
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from grpc_reflection.v1alpha import reflection_pb2
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, Request, TextMessage

from socklat_gate.errors import Exit, InvalidMeasurement, Reason
from socklat_gate.scenario.loader import load_scenario
from tests.certificates import issue
from tests.unit.load.grpc_shop import item_class, shop_files
from tests.unit.load.load_of import load_of
from tests.unit.load.test_grpc import prefixed
from tests.unit.load.virtual import VirtualServer, run


class BytesServer(VirtualServer):
    """Hands all bytes of a connection to the state that ``greet`` made for it."""

    def __init__(self, make, tls=None):
        super().__init__(self.on_data, b"", self.on_connection, tls=tls)
        self.make = make
        self.states = {}

    def on_connection(self, peer):
        self.states[peer] = self.make(peer)
        peer.handle = self.states[peer].take

    def on_data(self, *_):
        raise AssertionError("peer.handle is replaced")


class Http2Peer:
    """``respond(peer, stream, headers, body)`` is called with each whole request."""

    def __init__(self, peer, respond):
        self.peer = peer
        self.respond = respond
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.h2.initiate_connection()
        self.requests = 0
        self.asked = {}
        self.flush()

    def flush(self):
        if data := self.h2.data_to_send():
            self.peer.write(data)

    def take(self, data):
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.asked[event.stream_id] = [dict(event.headers), b""]
            elif isinstance(event, h2.events.DataReceived):
                self.asked[event.stream_id][1] += event.data
            elif isinstance(event, h2.events.StreamEnded):
                self.requests += 1
                self.respond(self, event.stream_id, *self.asked.pop(event.stream_id))
        self.flush()

    def say(self, stream, body, headers=(), trailers=(), status="200"):
        self.h2.send_headers(stream, [(":status", status), *headers])
        self.h2.send_data(stream, body, end_stream=not trailers)
        if trailers:
            self.h2.send_headers(stream, trailers, end_stream=True)


def http2_server(respond, tls=None):
    return BytesServer(lambda peer: Http2Peer(peer, respond), tls)


def http2(**options):
    return load_of(driver="http", http="2", **options)


def test_http_2_is_driven_on_the_connections_of_the_load():
    asked = []

    def respond(peer, stream, headers, body):
        asked.append((headers[b":path"], body))
        peer.h2.ping(b"12345678")
        peer.say(stream, b"ok")

    server = http2_server(respond)
    (counts,) = run(http2(path="/cart", method="POST", body="{}"), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.planned == counts.responded == len(asked) == 101
    assert set(asked) == {(b"/cart", b"{}")}
    assert counts.answers.statuses == {"200": 101}
    assert server.connections == counts.answers.opened == 5
    assert counts.answers.lost == 0


def test_a_goaway_between_requests_replaces_the_connection_without_an_error():
    def respond(peer, stream, *_):
        peer.say(stream, b"ok")
        if peer.requests == 3:
            asyncio.get_running_loop().call_later(0.001, close, peer)

    def close(peer):
        peer.h2.close_connection(last_stream_id=5)
        peer.flush()

    server = http2_server(respond)
    (counts,) = run(http2(duration_s=1.0), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned == 404
    assert counts.answers.lost >= 404 // 3 - 5
    assert server.connections == counts.answers.opened


def test_a_goaway_with_the_response_too():
    def respond(peer, stream, *_):
        peer.say(stream, b"ok")
        if peer.requests == 3:
            peer.h2.close_connection(last_stream_id=stream)

    (counts,) = run(http2(duration_s=1.0), http2_server(respond))
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned


def test_reset_streams_are_errors_and_the_connections_stay():
    def respond(peer, stream, *_):
        if peer.requests % 4 == 0:
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            peer.say(stream, b"ok")

    server = http2_server(respond)
    (counts,) = run(http2(), server)
    assert counts.errors == counts.answers.errors["reset"] == 25
    assert "RST_STREAM REFUSED_STREAM" in counts.first_error
    assert server.connections == 5


def test_a_service_of_http_1_is_refused_with_the_remedy():
    class Http1:
        def __init__(self, peer):
            self.peer = peer

        def take(self, _):
            self.peer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(InvalidMeasurement) as raised:
        run(http2(), BytesServer(Http1))
    assert raised.value.reason is Reason.LOAD_REFUSED
    assert 'set load.http = "1.1"' in raised.value.message


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    return issue(tmp_path_factory.mktemp("tls"), "server")


def served(issued, *alpn):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    context.set_alpn_protocols(list(alpn))
    return context


def secured(issued):
    return {"tls": {"ca_file": str(issued.cert_file)}}


def test_http_2_by_alpn(issued):
    schemes = set()

    def respond(peer, stream, headers, _):
        schemes.add((headers[b":scheme"], headers[b":authority"]))
        peer.say(stream, b"x" * 16_000)

    server = http2_server(respond, served(issued, "h2", "http/1.1"))
    (counts,) = run(http2(**secured(issued)), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned == 101
    assert schemes == {(b"https", b"localhost:1")}
    assert counts.handshakes.total == server.connections == 5


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_a_service_that_does_not_agree_on_h2_is_refused(issued, alpn):
    server = http2_server(lambda *_: None, served(issued, *alpn))
    with pytest.raises(InvalidMeasurement) as raised:
        run(http2(**secured(issued)), server)
    assert raised.value.reason is Reason.LOAD_REFUSED
    assert "h2" in raised.value.message
    assert raised.value.remedy


def test_a_connection_for_each_request():
    server = http2_server(lambda peer, stream, *_: peer.say(stream, b"ok"))
    (counts,) = run(http2(keep_alive=False), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned == 101
    assert server.connections >= 101
    assert counts.answers.lost == 0


ADD = "/shop.Cart/Add"
ITEM = item_class()


class Shop:
    """Adds items: fails for those without a name; tells its types unless ``reflects`` is false."""

    def __init__(self, *, reflects=True):
        self.reflects = reflects
        self.seen = []
        self.questions = 0

    def respond(self, peer, stream, headers, body):
        path = headers[b":path"].decode()
        if "ServerReflection" in path:
            self.questions += 1
            peer.say(stream, *self.reflect(path, body))
        elif path != "/shop.Cart/Add":
            peer.say(stream, b"", trailers=[("grpc-status", "12")])
        else:
            item = ITEM.FromString(body[5:])
            self.seen.append((item.id, headers.get(b"x-key")))
            failed = [("grpc-status", "3"), ("grpc-message", "no name")]
            done = prefixed(ITEM(id=item.id + 1).SerializeToString())
            if item.name:
                peer.say(stream, done, trailers=[("grpc-status", "0")])
            else:
                peer.say(stream, b"", trailers=failed)

    def reflect(self, path, body):
        if not self.reflects or ".v1." in path:
            return b"", (), [("grpc-status", "12")]
        question = reflection_pb2.ServerReflectionRequest.FromString(body[5:])
        response = reflection_pb2.ServerReflectionResponse()
        if question.file_containing_symbol not in {"", "shop.Cart"}:
            response.error_response.error_code = 5
            response.error_response.error_message = "symbol not found"
            return prefixed(response.SerializeToString()), (), [("grpc-status", "0")]
        for file in shop_files():
            data = file.SerializeToString()
            response.file_descriptor_response.file_descriptor_proto.append(data)
        return prefixed(response.SerializeToString()), (), [("grpc-status", "0")]


def grpc(**options):
    path = {} if "request" in options else {"path": "/shop.Cart/Add"}
    return load_of(driver="grpc", **{**path, **options})


def test_grpc_by_reflection_is_driven_with_metadata_and_statuses():
    shop = Shop()
    load = grpc(
        headers={"x-key": "v"},
        request=[
            {
                "name": "add",
                "weight": 3.0,
                "path": "/shop.Cart/Add",
                "body": '{"id": 4, "name": "x"}',
            },
            {"name": "bad", "path": "/shop.Cart/Add", "body": '{"id": 5}'},
        ],
        max_errors=1.0,
    )
    server = http2_server(shop.respond)
    (counts,) = run(load, server)
    assert set(shop.seen) == {(4, b"v"), (5, b"v")}
    bad = counts.requests["bad"]
    assert counts.errors == bad.errors == bad.responded > 10
    assert counts.answers.statuses == {"0": counts.responded - bad.errors, "3": bad.errors}
    assert counts.answers.errors == {"bad_status": bad.errors}
    assert "grpc-status 3 (INVALID_ARGUMENT): no name" in counts.first_error
    assert shop.questions == 2  # of the newer version, and of the older one
    assert server.connections == 6


def test_types_are_asked_for_over_tls_too(issued):
    shop = Shop()
    server = http2_server(shop.respond, served(issued, "h2"))
    (counts,) = run(grpc(body='{"id": 1, "name": "x"}', **secured(issued)), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == len(shop.seen) == 101
    assert shop.questions == 2


def test_only_the_first_service_is_asked_for_types():
    baseline, candidate = Shop(), Shop(reflects=False)
    load = grpc(body='{"id": 1, "name": "x"}')
    counts = run(load, http2_server(baseline.respond), http2_server(candidate.respond))
    assert [one.errors for one in counts] == [0, 0]
    assert set(baseline.seen) == set(candidate.seen) == {(1, None)}
    assert candidate.questions == 0


@pytest.mark.parametrize(
    ("options", "reflects", "said", "remedy"),
    [
        ({}, False, "no server reflection", "load.grpc.descriptor_set"),
        ({"path": "/shop.Basket/Add"}, True, "symbol not found", "load.grpc.descriptor_set"),
        ({"path": "/shop.Cart/Nope"}, True, "there is shop.Cart/Add", "correct the path"),
        ({"path": "/shop.Cart/Watch"}, True, "streams", "correct the path"),
        ({"body": '{"x": 1}'}, True, 'no field named "x"', "write the message as JSON"),
    ],
)
def test_what_only_the_service_can_tell(options, reflects, said, remedy):
    with pytest.raises(InvalidMeasurement) as raised:
        run(grpc(**options), http2_server(Shop(reflects=reflects).respond))
    error = raised.value
    assert (error.exit_code, error.reason) == (Exit.INVALID, Reason.LOAD_REFUSED)
    assert said in error.message
    assert remedy in error.remedy


def fed(tmp_path, *users):
    """Calls with one of the ``users`` for an id, each in turn."""
    (tmp_path / "users.csv").write_text("\n".join(["user", *users]))
    text = (
        'name = "shop"\n[service]\nimage = "x"\nport = 1\n[load]\ndriver = "grpc"\n'
        'feeder = "users.csv"\nrate = 404\nconnections = 5\nmax_connections = 5\n'
        f'path = \'{ADD}\'\nbody = \'{{"id": {{user}}, "name": "x{{seq}}"}}\'\n'
        f"duration_s = 0.5\nwarmup_s = 0\n[[gate.metrics]]\nquantile = 0.5\n"
        "tolerance = 0.1\nregression_threshold = 0.2\n"
    )
    scenario = tmp_path / "socklat.toml"
    scenario.write_text(text)
    return load_scenario(scenario).load


def test_rows_that_make_no_message_are_found_before_the_load(tmp_path):
    with pytest.raises(InvalidMeasurement, match=r"row 3 of load\.feeder: not a shop\.types"):
        run(fed(tmp_path, "4", "5", "six"), http2_server(Shop().respond))
    shop = Shop()
    (counts,) = run(fed(tmp_path, "4", "5", "6"), http2_server(shop.respond))
    assert (counts.errors, counts.first_error) == (0, "")
    assert {number for number, _ in shop.seen} == {4, 5, 6}


@pytest.mark.parametrize("options", [{}, {"streams": 3}, {"keep_alive": False}])
def test_later_rows_end_the_load_when_they_are_due(tmp_path, monkeypatch, options):
    """A request that is left out, or one that counts as the service's error, would be another load.

    So many rows are checked before; of these, none.
    """
    monkeypatch.setattr("socklat_gate.load.preparation.MAX_ROWS", 0)
    shop = Shop()
    good = [str(number) for number in range(1, 60)]
    load = fed(tmp_path, *good, "six").model_copy(update=options)
    with pytest.raises(InvalidMeasurement) as raised:
        run(load, http2_server(shop.respond))
    error = raised.value
    assert (error.exit_code, error.reason) == (Exit.INVALID, Reason.LOAD_REFUSED)
    assert error.message.startswith(
        f"the body of {ADD}, filled with row 60 of load.feeder: not a shop.types.Item: "
    )
    assert "write the message as JSON" in error.remedy
    assert shop.seen


@pytest.mark.parametrize("bounds", ["1:2147483648", "-2147483649:1"])
def test_random_numbers_that_fit_no_message_are_found_before_the_load(bounds):
    load = load_of(driver="grpc", path=ADD, body=f'{{"id": {{random_int:{bounds}}}}}')
    with pytest.raises(InvalidMeasurement, match="an end of random_int's range: not a shop"):
        run(load, http2_server(Shop().respond))


def test_a_service_that_is_no_grpc_is_told_before_the_load():
    class Echo:
        def __init__(self, peer):
            self.peer = peer

        def take(self, data):
            self.peer.write(data)

    with pytest.raises(InvalidMeasurement, match="does not begin with its SETTINGS"):
        run(grpc(), BytesServer(Echo))


class Room:
    """Accepts the handshake at /chat and sends each text back, in capitals."""

    def __init__(self, peer):
        self.peer = peer
        self.ws = WSConnection(ConnectionType.SERVER)

    def take(self, data):
        self.ws.receive_data(data)
        for event in self.ws.events():
            if isinstance(event, Request):
                accept = event.target == "/chat"
                reply = AcceptConnection() if accept else RejectConnection(status_code=403)
                self.peer.write(self.ws.send(reply))
            elif isinstance(event, TextMessage):
                self.peer.write(self.ws.send(TextMessage(data=event.data.upper())))


def websocket(**options):
    settings = {"path": "/chat", "body": "hello", "payload": None, **options}
    return load_of(driver="websocket", **settings)


def test_a_websocket_is_driven_request_by_request():
    server = BytesServer(Room)
    (counts,) = run(websocket(expect={"text": "HELLO", "min_bytes": 5}), server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == counts.planned == 101
    assert counts.answers.statuses == {"": 101}
    assert server.connections == 5


def test_a_handshake_that_is_refused():
    with pytest.raises(InvalidMeasurement, match="refused with HTTP status 403") as raised:
        run(websocket(path="/other"), BytesServer(Room))
    assert raised.value.reason is Reason.LOAD_REFUSED
