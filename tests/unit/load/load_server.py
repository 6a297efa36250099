"""A real server on 127.0.0.1 in a thread, whose responses the test decides."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType

Respond = Callable[["Peer", int], None]


class Peer(asyncio.Protocol):
    """One connection, the ``number``-th; ``respond`` is called with each request's number."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections += 1
        self.number = self.server.connections
        self.server.peers.add(self)
        self.server.greet(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.peers.discard(self)

    def data_received(self, data: bytes) -> None:
        *requests, self.unread = (self.unread + data).split(self.server.request_end)
        if not requests:
            self.server.on_unknown(self)
        for _ in requests:
            self.server.requests += 1
            self.server.respond(self, self.server.requests)

    def write(self, data: bytes) -> None:
        self.transport.write(data)


class Server:
    """Counts connections and requests; ``greet`` is called with each new connection.

    ``on_unknown`` is called when bytes came that complete no request.
    """

    def __init__(
        self,
        respond: Respond,
        request_end: bytes = b"\r\n",
        greet: Callable[[Peer], None] = lambda peer: None,
        on_unknown: Callable[[Peer], None] = lambda peer: None,
    ) -> None:
        self.respond = respond
        self.greet = greet
        self.on_unknown = on_unknown
        self.request_end = request_end
        self.connections = 0
        self.requests = 0
        self.peers: set[Peer] = set()
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def stop_listening(self) -> None:
        """Take no more connections; called in the server's own thread."""
        self._listener.close()

    def die(self) -> None:
        """Stop listening and drop every connection; called in the server's own thread."""
        self._listener.close()
        for peer in list(self.peers):
            peer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self._listener = self.loop.run_until_complete(
            self.loop.create_server(lambda: Peer(self), "127.0.0.1", 0, backlog=1000)
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        self._ready.set()
        self.loop.run_forever()
        self.die()
        self.loop.run_until_complete(asyncio.sleep(0))
