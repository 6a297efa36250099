"""How fast the driver's sessions are on one core: HTTP/2, gRPC, WebSocket and HTTP/1.1 beside.

python -m tests.benchmarks.framed [--seconds 3] [--rate 6000]

Without sockets: request bytes out, the bytes of a real server's response in.  Then the whole driver
against a server on the loopback interface: nghttpd for HTTP/2 (nghttp2-server) where it is
installed, and a small C-core server (grpcio, asyncio) for gRPC, each in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
from wsproto.events import TextMessage

from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import LoadProcess
from socklat_gate.load.protocols.session import ClientSession
from socklat_gate.scenario import Load
from tests.unit.load.grpc_shop import item_class, shop_pool, shop_set
from tests.unit.load.h2_server import Asked, Server
from tests.unit.load.h2_server import session_of as http2_session
from tests.unit.load.test_grpc import ADD, prefixed
from tests.unit.load.test_grpc import session_of as grpc_session
from tests.unit.load.test_websocket import Server as WebSocketServer
from tests.unit.load.test_websocket import session_of as websocket_session

STREAMS = 2000
BODY = b"x" * 1000


def recorded(session: ClientSession, respond: Callable[[Server, int], None]) -> list[bytes]:
    """The bytes of `STREAMS` responses, as a server encodes them one after the other."""
    server = Server(session)
    out = []
    for number in range(STREAMS):
        stream, _ = server.ask(number)
        respond(server, stream)
        out.append(data := server.h2.data_to_send())
        session.feed(data)
    return out


def loop(session: ClientSession, responses: list[bytes]) -> float:
    """Responses a second of one core."""
    began = time.process_time()
    for number, data in enumerate(responses):
        session.request(number)
        if session.feed(data) != 1 or session.failure:
            raise AssertionError(session.last_error)
    return len(responses) / (time.process_time() - began)


def opened(session: ClientSession) -> ClientSession:
    Server(session)
    return session


def sessions() -> Iterator[tuple[str, float]]:
    headers = [("content-type", "text/plain"), ("server", "h2"), ("content-length", "1000")]

    def http2_response(server: Server, stream: int) -> None:
        server.respond(stream, body=BODY, headers=headers)

    def grpc_response(server: Server, stream: int) -> None:
        head = [("content-type", "application/grpc")]
        server.respond(stream, 200, prefixed(BODY), head, [("grpc-status", "0")])

    post = Asked(method="POST", path="/cart", body=BODY)
    for name, session, respond in (
        ("HTTP/2 GET", http2_session, http2_response),
        ("HTTP/2 POST of 1,000 bytes", lambda: http2_session(post), http2_response),
        ("gRPC unary", grpc_session, grpc_response),
        (
            "gRPC unary, another message each time",
            lambda: grpc_session(fixed=False),
            grpc_response,
        ),
    ):
        responses = recorded(session(), respond)
        yield name, max(loop(opened(session()), responses) for _ in range(5))
    websocket = websocket_session()
    server = WebSocketServer(websocket)
    out = []
    for number in range(STREAMS):
        server.ask(number)
        server.say(TextMessage(data="x" * 100))
        out.append(server.out)
        server.deliver()
    fresh = websocket_session()
    WebSocketServer(fresh)
    yield "WebSocket text of 100 bytes", loop(fresh, out)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def serve_grpc(port: int) -> None:
    pool = shop_pool()
    item = item_class(pool)

    async def add(request: object, _: object) -> object:
        return request

    async def main() -> None:
        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            add, item.FromString, lambda message: message.SerializeToString()
        )
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("shop.Cart", {"Add": handler})]
        )
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()

    asyncio.run(main())


@contextmanager
def grpc_server() -> Iterator[int]:
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=serve_grpc, args=(port,))
    process.start()
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.join()


@contextmanager
def nghttpd() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        with open(f"{directory}/index.html", "wb") as file:
            file.write(BODY)
        argv = ["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", directory, str(port)]
        process = subprocess.Popen(argv)
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not listen")


def drive(load: Load, port: int) -> str:
    """One run; what the driver says of itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with LoadProcess(load, [Endpoint("127.0.0.1", port)], 7) as driver:
        driver.connect()
        driver.start(time.monotonic_ns())
        (counts,) = driver.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / load.duration_s
    return (
        f"{counts.responded / load.duration_s:.0f} responses a second, {counts.errors} errors, "
        f"{cpu:.2f} of a core, lateness p99 {counts.late_p99_ns / 1e6:.2f} ms, "
        f"client p50 {counts.client.quantile_ns(0.5) / 1e6:.2f} ms"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--rate", type=float, default=5000.0)
    given = options.parse_args()
    for name, per_second in sessions():
        print(f"{name}: {per_second:.0f} a second of one core, without sockets")
    common = {
        "rate": given.rate,
        "duration_s": given.seconds,
        "warmup_s": 0.5,
        "arrivals": "poisson",
    }
    with grpc_server() as port, tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/shop.binpb"
        with open(path, "wb") as file:
            file.write(shop_set())
        body = '{"id": 7, "name": "lamp"}'
        types = {"descriptor_set": path}
        load = Load(driver="grpc", path=ADD, body=body, grpc=types, **common)
        print("gRPC of grpcio:", drive(load, port))
    if shutil.which("nghttpd"):
        with nghttpd() as port:
            load = Load(driver="http", http="2", path="/index.html", **common)
            print("HTTP/2 of nghttpd:", drive(load, port))


if __name__ == "__main__":
    main()
