"""Counts its own requests: ``framed.py http2|grpc|websocket PORT COUNT_FILE [GOAWAY_EVERY]``.

COUNT_FILE gets the number of whole requests by the client's port, from 0 on, each 4 bytes in the
machine's order, as they grow.  Of the server side of h2 (http2) and wsproto (websocket), one thread
a connection; of grpcio (grpc), with ``shop.Cart/Add``.  The first sends frames that are no response
where they are in the way: a PING before every third response, SETTINGS and a window update in the
middle of every fifth, and a GOAWAY behind every GOAWAY_EVERY-th of a connection.  A message of
WebSocket is one however many fragments and pieces of a frame it comes in.  Responses in pieces have
1 ms between them.  Ends when killed.
"""

from __future__ import annotations

import asyncio
import mmap
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import h2.config
import h2.connection
import h2.events
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

COUNT = struct.Struct("=I")
PORTS = 1 << 16
PIECES_APART_S = 0.001


class Counter:
    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(COUNT.size * PORTS))
        with path.open("r+b") as file:
            self.page = mmap.mmap(file.fileno(), 0)
        self.lock = threading.Lock()
        self.value = 0

    def count(self, port: int) -> int:
        at = COUNT.size * port
        with self.lock:
            self.value += 1
            COUNT.pack_into(self.page, at, COUNT.unpack_from(self.page, at)[0] + 1)
            return self.value


def read_counts(path: Path) -> dict[int, int]:
    """What a server wrote into ``path``: requests by the client's port, where there were any."""
    numbers = COUNT.iter_unpack(path.read_bytes())
    return {port: number for port, (number,) in enumerate(numbers) if number}


def read_count(path: Path) -> int:
    """All of them."""
    return sum(read_counts(path).values())


def serve_http2(client: socket.socket, counter: Counter, goaway_every: int) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    port = client.getpeername()[1]
    responses = 0

    def flush() -> None:
        client.sendall(connection.data_to_send())

    def respond(stream: int) -> bool:
        nonlocal responses
        number = counter.count(port)
        responses += 1
        if number % 3 == 0:
            connection.ping(b"12345678")
            flush()
            time.sleep(PIECES_APART_S)
        connection.send_headers(stream, [(":status", "200"), ("x-number", str(number))])
        if number % 5 == 0:
            flush()
            time.sleep(PIECES_APART_S)
            connection.update_settings({3: 100 + number % 50})
            connection.increment_flow_control_window(number)
            flush()
            time.sleep(PIECES_APART_S)
        connection.send_data(stream, b"x" * (number % 2000), end_stream=True)
        last = goaway_every > 0 and responses == goaway_every
        if last:
            connection.close_connection(last_stream_id=stream)
        flush()
        return not last

    flush()
    with client:
        while data := client.recv(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    size = event.flow_controlled_length
                    connection.acknowledge_received_data(size, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded) and not respond(event.stream_id):
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65_536):
                        pass
                    return
            flush()


def serve_websocket(client: socket.socket, counter: Counter, goaway_every: int) -> None:
    connection = WSConnection(ConnectionType.SERVER)
    port = client.getpeername()[1]
    responses = 0
    text = ""
    with client:
        while data := client.recv(65_536):
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, Request):
                    client.sendall(connection.send(AcceptConnection()))
                elif isinstance(event, TextMessage):
                    text += event.data
                    if not event.message_finished:
                        continue
                    number = counter.count(port)
                    responses += 1
                    if number % 3 == 0:
                        client.sendall(connection.send(Ping(payload=b"alive")))
                        time.sleep(PIECES_APART_S)
                    client.sendall(connection.send(TextMessage(data=text * 2)))
                    text = ""
                    if responses == goaway_every:
                        client.sendall(connection.send(CloseConnection(code=1001)))
                elif isinstance(event, CloseConnection):
                    return


def serve_grpc(port: int, counter: Counter) -> None:
    import grpc  # noqa: PLC0415 - the other kernels' machines have none
    from grpc_reflection.v1alpha import reflection  # noqa: PLC0415

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.unit.load.grpc_shop import item_class, shop_pool  # noqa: PLC0415

    pool = shop_pool()
    item = item_class(pool)

    async def add(request: object, context: grpc.aio.ServicerContext) -> object:
        counter.count(int(context.peer().rpartition(":")[2]))
        if request.id == 13:  # type: ignore[attr-defined]
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "thirteen")
        return request

    async def main() -> None:
        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            add, item.FromString, lambda message: message.SerializeToString()
        )
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("shop.Cart", {"Add": handler})]
        )
        reflection.enable_server_reflection(["shop.Cart"], server, pool)
        server.add_insecure_port(f"[::]:{port}")
        await server.start()
        await server.wait_for_termination()

    asyncio.run(main())


def main(kind: str, port: int, count_file: Path, goaway_every: int = 0) -> None:
    counter = Counter(count_file)
    if kind == "grpc":
        serve_grpc(port, counter)
        return
    serve = {"http2": serve_http2, "websocket": serve_websocket}[kind]
    listener = socket.create_server(
        ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128
    )
    with listener:
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arguments = (client, counter, goaway_every)
            threading.Thread(target=serve, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
