"""A small HTTP service in Python with work, a tail, and defects to order; nothing but the library.

    python3 api.py --port 8080 [--work N] [--tail-factor F] [--after N] [--stop-every S] ...

Every request costs ``--work`` units of CPU time (about 1 us each), every fiftieth by chance
``--tail-factor`` times as much; ``--tail-wait`` lets these wait without any work, and ``--after``
units are spent once the response is on its way.  ``--early-head`` sends the head before the work;
``--error-share`` of the requests get an error at once; a process is slower by half from its start
to its end with the chance ``--slow-start-share``.  ``--stop-every`` begins at a random moment,
``--stop-at`` at that age of the process and again each time as much later; ``--leak-requests``
make the work twice as much, steadily.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import selectors
import socket
import time
import zlib

BLOCK = b"x" * 4096
HEAD, BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"ok\n"
RESPONSE = HEAD + BODY
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\noops\n"
TAIL_SHARE = 0.02
SERVED = itertools.count(1)
WAKING = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
SLOW_START_FACTOR = 1.5


def work(units: float) -> None:
    for _ in range(round(units)):
        zlib.crc32(BLOCK)


class Api(asyncio.Protocol):
    """One connection of a client; with a dependency, one to it as well."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._transport: asyncio.Transport
        self._dependency: asyncio.Transport | None = None
        self._waiting = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not data.endswith(b"\r\n\r\n"):
            return
        if random.random() < self._options.error_share:
            self._transport.write(ERROR)
            return
        if self._options.early_head:
            self._transport.write(HEAD)
        slow = random.random() < self._options.tail_share
        work(
            self._options.work * leaked(self._options) * (self._options.tail_factor if slow else 1)
        )
        if slow and self._options.wake_port:
            WAKING.sendto(b"!", (gateway(), self._options.wake_port))
        self._wait_s = (self._options.tail_wait or 0) / 1e6 if slow else 0
        if self._options.depend_port:
            self._asking = asyncio.ensure_future(self._ask())
        else:
            self._responded()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._dependency is not None:
            self._dependency.close()

    async def _ask(self) -> None:
        if self._dependency is None:
            loop = asyncio.get_running_loop()
            self._dependency, _ = await loop.create_connection(
                lambda: Question(self._responded), gateway(), self._options.depend_port
            )
        self._dependency.write(b"?")

    def _responded(self) -> None:
        if self._wait_s:
            asyncio.get_running_loop().call_later(self._wait_s, self._respond)
        else:
            self._respond()

    def _respond(self) -> None:
        self._transport.write(BODY if self._options.early_head else RESPONSE)
        if self._options.after:
            work(self._options.after)


class Question(asyncio.Protocol):
    """Waits for the dependency's responses."""

    def __init__(self, responded) -> None:
        self._responded = responded

    def data_received(self, _data: bytes) -> None:
        self._responded()


def leaked(options: argparse.Namespace) -> float:
    """How many times the work is what it was at the start."""
    served = next(SERVED)
    return 1.0 + served / options.leak_requests if options.leak_requests else 1.0


def gateway() -> str:
    """The host's address on the container's network: the default route's next hop."""
    with open("/proc/net/route", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[1] == "00000000":
                return socket.inet_ntoa(int(fields[2], 16).to_bytes(4, "little"))
    raise SystemExit("this container has no default route")


async def stall(every_s: float, length_s: float, first_s: float | None = None) -> None:
    """Keeps the event loop from running now and then, from a random moment on or after so long."""
    await asyncio.sleep(random.random() * every_s if first_s is None else first_s)
    while True:
        time.sleep(length_s)
        await asyncio.sleep(every_s)


async def serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Api(options), "0.0.0.0", options.port, backlog=4096)
    stalls = [
        asyncio.ensure_future(stall(every_s, ms / 1e3))
        for every_s, ms in (
            (options.stop_every, options.stop_ms),
            (options.block_every, options.block_ms),
        )
        if every_s
    ]
    if options.stop_at:
        one = stall(options.stop_at, options.stop_ms / 1e3, options.stop_at)
        stalls.append(asyncio.ensure_future(one))
    await asyncio.gather(server.serve_forever(), *stalls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--work", type=float, default=100, help="units before the response")
    parser.add_argument("--tail-share", type=float, default=TAIL_SHARE, help="of requests")
    parser.add_argument("--tail-factor", type=float, default=4, help="times, for 2%% of requests")
    parser.add_argument("--tail-wait", type=float, help="microseconds, for the same requests")
    parser.add_argument("--after", type=float, default=0, help="units after the response")
    parser.add_argument("--depend-port", type=int, default=0, help="of the host, asked each time")
    parser.add_argument("--wake-port", type=int, default=0, help="of the host, by 2%% of requests")
    parser.add_argument("--stop-every", type=float, default=0, help="seconds between stops")
    parser.add_argument(
        "--stop-at", type=float, default=0, help="seconds of age, and each time more"
    )
    parser.add_argument("--stop-ms", type=float, default=800)
    parser.add_argument("--leak-requests", type=float, default=0, help="that double the work")
    parser.add_argument("--block-every", type=float, default=0, help="seconds between blocks")
    parser.add_argument("--block-ms", type=float, default=20)
    parser.add_argument("--early-head", action="store_true", help="the head before the work")
    parser.add_argument("--error-share", type=float, default=0, help="of requests, answered by 500")
    parser.add_argument("--slow-start-share", type=float, default=0, help="of starts")
    options = parser.parse_args()
    if random.random() < options.slow_start_share:
        options.work *= SLOW_START_FACTOR
    if options.tail_wait is None:
        asyncio.run(serve(options))
    else:
        # epoll rounds waits up to milliseconds.
        loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        loop.run_until_complete(serve(options))


if __name__ == "__main__":
    main()
