"""An HTTPS service that waits before each response, and says at its end how long that took.

``https.py PORT CERTIFICATE WAIT_US [--version 1.2] [--tickets 2] [--close] [--plain]``: responds by
HTTP/1.1, a thread a connection.  ``--close`` ends a connection after its response, as clients of
such a test ask for.  Ends on SIGTERM; prints a JSON array with a pair for each response, in ns: the
least that the kernel can see between reading the request and sending the response, which is the
wait itself, and the most: from before the read, with the request there, until the send returned.
"""

from __future__ import annotations

import argparse
import json
import select
import signal
import socket
import ssl
import sys
import time
from threading import Thread

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

spans_ns: list[tuple[int, int]] = []


def serve(peer: socket.socket, context: ssl.SSLContext | None, wait_s: float, close: bool) -> None:
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        client = peer if context is None else context.wrap_socket(peer, server_side=True)
        with client:
            while True:
                select.select([client], [], [])
                arrived_ns = time.monotonic_ns()
                data = client.recv(1 << 16)
                if not data:
                    return
                read_ns = time.monotonic_ns()
                assert data.endswith(b"\r\n\r\n")
                time.sleep(wait_s)
                least_ns = time.monotonic_ns() - read_ns
                client.sendall(RESPONSE)
                spans_ns.append((least_ns, time.monotonic_ns() - arrived_ns))
                if close:
                    if isinstance(client, ssl.SSLSocket):
                        client.settimeout(0.0)  # say that it ends, and wait for no reply
                        client.unwrap()
                    return
    except OSError:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("certificate")
    parser.add_argument("wait_us", type=int)
    parser.add_argument("--version", choices=VERSIONS, default="1.3")
    parser.add_argument("--tickets", type=int, default=2)
    parser.add_argument("--close", action="store_true")
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    context = None
    if not options.plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
        context.maximum_version = VERSIONS[options.version]
        context.num_tickets = options.tickets
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        with socket.create_server(("", options.port), backlog=512) as listener:
            while True:
                peer, _ = listener.accept()
                arguments = (peer, context, options.wait_us / 1e6, options.close)
                Thread(target=serve, args=arguments, daemon=True).start()
    finally:
        sys.stdout.write(json.dumps(spans_ns))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
