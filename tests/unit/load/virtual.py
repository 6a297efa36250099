"""The load's driver against a server of the test's, both on one event loop whose time is virtual.

Time passes only when nothing is left to do: it then jumps to the next timer.  So a run of a minute
takes as long as its requests, and nothing depends on how busy the machine is.  Connections are
pairs of UNIX sockets, through which bytes are there at once.
"""

from __future__ import annotations

import asyncio
import errno
import json
import math
import selectors
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import LoadProcess
from socklat_gate.load.worker import serve

LEAD_NS = 20_000_000

Respond = Callable[["Peer", int], None]


class VirtualLoop(asyncio.SelectorEventLoop):
    """``clock`` has its time in ns."""

    def __init__(self) -> None:
        self.clock = VirtualClock(self)
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now / 1e9


class VirtualClock(selectors.DefaultSelector):
    """`load.clock.Clock`, and the selector by which the loop waits: that is where time passes."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop
        self.now = 1_000_000_000_000

    def now_ns(self) -> int:
        return self.now

    def timer(self, on_fire: Callable[[], None]) -> VirtualTimer:
        return VirtualTimer(self.loop, on_fire)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            assert timeout is not None, "nothing is under way: this would wait for ever"
            self.now += max(1, math.ceil(timeout * 1e9))
        return ready


class VirtualTimer:
    def __init__(self, loop: VirtualLoop, on_fire: Callable[[], None]) -> None:
        self.loop = loop
        self.on_fire = on_fire
        self.handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int) -> None:
        self.close()
        self.handle = self.loop.call_at(at_ns / 1e9, self.on_fire)

    def close(self) -> None:
        if self.handle is not None:
            self.handle.cancel()


class Peer(asyncio.Protocol):
    """The server's end of the ``number``-th connection; ``data`` came last."""

    def __init__(self, server: VirtualServer) -> None:
        self.server = server
        self.unread = b""
        server.connections += 1
        self.number = server.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.peers.add(self)
        self.server.greet(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.peers.discard(self)

    def data_received(self, data: bytes) -> None:
        self.server.perform(lambda: self.handle(data))

    def eof_received(self) -> bool:
        self.server.perform(self.transport.close)
        return True

    def handle(self, data: bytes) -> None:
        self.data = data
        *requests, self.unread = (self.unread + data).split(self.server.request_end)
        for _ in requests:
            self.server.requests += 1
            self.server.respond(self, self.server.requests)

    def write(self, data: bytes) -> None:
        self.server.perform(lambda: self.transport.write(data))


class VirtualServer:
    """As `load_server.Server`; `pause` is what sleeping in ``respond`` is there.

    While it pauses, connections are made and requests arrive, but nothing is handled or sent.
    """

    def __init__(
        self,
        respond: Respond,
        request_end: bytes = b"\r\n",
        greet: Callable[[Peer], None] = lambda peer: None,
        *,
        listens_after_s: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.respond = respond
        self.request_end = request_end
        self.greet = greet
        self.listens_after_s = listens_after_s
        self.tls = tls
        self.listening = True
        self.connections = 0
        self.requests = 0
        self.peers: set[Peer] = set()
        self.loop: VirtualLoop
        self.paused_until_s = 0.0
        self.waiting: deque[Callable[[], None]] = deque()

    def pause(self, for_s: float) -> None:
        self.paused_until_s = self.loop.time() + for_s
        self.loop.call_at(self.paused_until_s, self.resume)

    def resume(self) -> None:
        while self.waiting and self.loop.time() >= self.paused_until_s:
            self.waiting.popleft()()

    def perform(self, step: Callable[[], None]) -> None:
        """Now, or after the pause and what waits since then."""
        if self.waiting or self.loop.time() < self.paused_until_s:
            self.waiting.append(step)
        else:
            step()

    def stop_listening(self) -> None:
        self.listening = False

    def die(self) -> None:
        self.listening = False
        for peer in list(self.peers):
            peer.transport.abort()

    def accept(self) -> socket.socket:
        """The client's end of a new connection."""
        client, ours = socket.socketpair()
        client.setblocking(False)
        ours.setblocking(False)
        self.perform(lambda: self.take(ours))
        return client

    def take(self, sock: socket.socket) -> None:
        accepted = self.loop.connect_accepted_socket(lambda: Peer(self), sock, ssl=self.tls)
        self.loop.create_task(self._met(accepted))

    async def _met(self, accepted: Awaitable[object]) -> None:
        with suppress(OSError):  # a handshake that the driver's end gave up
            await accepted


class VirtualNetwork:
    """`load.dialer.Network` of servers, by port."""

    def __init__(self, loop: VirtualLoop, servers: Mapping[int, VirtualServer]) -> None:
        self.loop = loop
        self.servers = servers
        self.begun_s = loop.time()

    async def resolve(self, host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        return [(socket.AF_UNIX, (host, port))]

    async def connect(self, address: tuple[int, tuple[Any, ...]]) -> socket.socket:
        server = self.servers.get(address[1][1])
        up_s = self.begun_s + (server.listens_after_s if server else 0.0)
        if server is None or not server.listening or self.loop.time() < up_s:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return server.accept()


class VirtualWorker:
    """`load.worker_client.Worker` without a process; ``beside`` is one on the same machine."""

    pid = None

    def __init__(self, *servers: VirtualServer, beside: VirtualWorker | None = None) -> None:
        self.events: deque[dict[str, Any]] = deque()
        if beside is not None:
            self.loop, self.network, self.failures = beside.loop, beside.network, beside.failures
            return
        self.loop = VirtualLoop()
        self.network = VirtualNetwork(self.loop, dict(enumerate(servers, 1)))
        for server in servers:
            server.loop = self.loop
        self.failures: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.failures.append(context))

    def now_ns(self) -> int:
        return self.loop.clock.now

    def begin(self, pass_fds: Collection[int] = ()) -> None:
        self.commands = asyncio.StreamReader(loop=self.loop)
        self.task = self.loop.create_task(
            serve(self.commands, self.write_event, self.loop.clock, self.network)
        )

    def write_event(self, event: Mapping[str, object]) -> None:
        self.events.append(json.loads(json.dumps(event)))

    def send(self, **message: object) -> None:
        self.commands.feed_data(json.dumps(message).encode() + b"\n")

    def receive(self, within_s: float) -> dict[str, Any] | None:
        if not self.events:
            self.loop.run_until_complete(asyncio.sleep(within_s))
            assert not self.failures, self.failures
            assert self.events or not self.task.done(), self.task
        return self.events.popleft() if self.events else None

    def failure(self, what: str) -> InvalidMeasurement:
        return InvalidMeasurement(Reason.LOAD_DRIVER_FAILED, f"the virtual worker {what}")

    def terminate(self) -> None:
        pass

    def close(self) -> None:
        if self.loop.is_closed():
            return
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0.001))
        for server in self.network.servers.values():
            server.die()
        self.loop.run_until_complete(asyncio.sleep(0.001))
        self.loop.close()


def connect(load, *servers, seed=7, workers=1, **options) -> tuple[LoadProcess, VirtualWorker]:
    """A load for one arm a server; a server of None is a port where nobody listens."""
    first = VirtualWorker(*servers)
    others = [VirtualWorker(beside=first) for _ in range(workers - 1)]
    endpoints = [Endpoint("127.0.0.1", port) for port in range(1, max(1, len(servers)) + 1)]
    options = {"workers": [first, *others], "now_ns": first.now_ns, **options}
    return LoadProcess(load, endpoints, seed, **options), first


def run(load, *servers, seed=7, on_progress=None, poll=None, **options):
    """Counts by arm of a whole load."""
    driver, worker = connect(load, *servers, seed=seed, **options)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        return driver.wait(on_progress=on_progress, poll=poll)
