"""Responds to one request a connection and keeps its socket: ``held.py PORT``.

A request is 16 bytes and begins with a letter:

- ``F``: the response and the end of the connection are sent in one segment.
- ``R``: the response is sent, and the connection stays open.
- ``N``: there is no response.

No socket is closed before the process is killed.
"""

from __future__ import annotations

import socket
import sys
import threading

LENGTH = 16

_kept: list[socket.socket] = []


def serve(client: socket.socket) -> None:
    request = client.recv(LENGTH, socket.MSG_WAITALL)
    if request[:1] == b"F":
        # Nothing leaves before the end does: when that begins, the response is not acknowledged.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    if request[:1] != b"N":
        client.sendall(b"y" * LENGTH)
    if request[:1] == b"F":
        client.shutdown(socket.SHUT_WR)


def main(port: int) -> None:
    with socket.create_server(("", port), backlog=128) as listener:
        while True:
            client, _ = listener.accept()
            _kept.append(client)
            threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
