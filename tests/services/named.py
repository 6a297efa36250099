"""Responds to frames of 16 bytes as each one asks: ``named.py PORT [CLOSE_AFTER]``.

A frame is a letter, a wait in us (6 digits), a second one, and filling:

- ``R``: a request.  The response, 16 bytes, is sent after the first wait; with a second wait, in
  two halves with that between them.
- ``C``: control bytes.  16 bytes are sent after the first wait, nothing where that is 0.

One thread a connection, which is closed after CLOSE_AFTER responses; ends when killed.
"""

from __future__ import annotations

import socket
import sys
import threading
import time

LENGTH = 16


def frame(letter: str, wait_us: int, between_us: int = 0) -> bytes:
    """What a client sends."""
    return f"{letter}{wait_us:06d}{between_us:06d}...".encode()


def serve(client: socket.socket, close_after: int) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    responses = 0
    with client:
        while responses != close_after:
            read = client.recv(LENGTH, socket.MSG_WAITALL)
            if len(read) < LENGTH:
                return
            wait_s, between_s = int(read[1:7]) / 1e6, int(read[7:13]) / 1e6
            if read[:1] == b"C":
                if wait_s:
                    time.sleep(wait_s)
                    client.sendall(b"t" * LENGTH)
                continue
            if wait_s:
                time.sleep(wait_s)
            if between_s:
                client.sendall(b"y" * (LENGTH // 2))
                time.sleep(between_s)
                client.sendall(b"y" * (LENGTH // 2))
            else:
                client.sendall(b"y" * LENGTH)
            responses += 1


def main(port: int, close_after: int = -1) -> None:
    listener = socket.create_server(
        ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128
    )
    with listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, close_after), daemon=True).start()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
