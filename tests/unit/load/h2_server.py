"""The other side of an `Http2Session` in tests: h2's own server, and sources of requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes, Settings

from socklat_gate.load.protocols.http2 import Http2Session
from socklat_gate.load.protocols.http2_requests import Http2Requests, write_http2

FRAME = 16_384


@dataclass(frozen=True)
class Asked:
    """As `load.messages.Message`."""

    kind: int = 0
    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Source:
    """As `load.messages.MessageSource`: request number i is of kind i modulo their number."""

    def __init__(self, *messages, fixed=True):
        self.messages = [replace(one, kind=kind) for kind, one in enumerate(messages)]
        self.is_fixed = fixed

    def kind_of(self, number):
        return number % len(self.messages)

    def message(self, number):
        return self.messages[self.kind_of(number)]

    def fixed(self, kind):
        return self.messages[kind] if self.is_fixed else None


def session_of(*messages, expected=None, fixed=True):
    messages = messages or (Asked(),)
    source = Source(*messages, fixed=fixed)
    requests = Http2Requests(
        source, write_http2("http", "shop:8080"), expected or [None] * len(messages)
    )
    return Http2Session(requests)


class Server:
    """h2 as a server of ``session``; it raises for everything that RFC 9113 forbids a client."""

    def __init__(self, session, settings=None, *, greet=True):
        self.session = session
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        values = {SettingCodes.ENABLE_CONNECT_PROTOCOL: 0, **(settings or {})}
        self.h2.local_settings = Settings(client=False, initial_values=values)
        self.events = []
        self.body = b""
        if greet:
            self.h2.initiate_connection()
            self.take(session.control())
            self.deliver()
            assert session.ready

    def take(self, data):
        """What the session sent."""
        for event in self.h2.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                self.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def deliver(self, step=0):
        """Give the session all that the server has to say; responses that this completed."""
        done = 0
        while data := self.h2.data_to_send():
            for at in range(0, len(data), step or len(data)):
                done += self.session.feed(data[at : at + (step or len(data))])
                while self.session.has_control:
                    self.take(self.session.control())
        return done

    def ask(self, number=0):
        """Let the session send a request; its stream and headers."""
        self.events.clear()
        self.body = b""
        self.take(self.session.request(number))
        self.deliver()
        (request,) = (one for one in self.events if isinstance(one, h2.events.RequestReceived))
        return request.stream_id, [(n.decode(), v.decode()) for n, v in request.headers]

    def respond(self, stream, status=200, body=b"ok", headers=(), trailers=()):
        """Queue a whole response."""
        head = [(":status", str(status)), *headers]
        self.h2.send_headers(stream, head, end_stream=not body and not trailers)
        for at in range(0, len(body), FRAME):
            last = at + FRAME >= len(body)
            self.h2.send_data(stream, body[at : at + FRAME], end_stream=last and not trailers)
        if trailers:
            self.h2.send_headers(stream, trailers, end_stream=True)

    def seen(self, kind):
        """Events of that kind since the latest request."""
        return [event for event in self.events if isinstance(event, kind)]
