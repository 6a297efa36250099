"""Responds to each 16-byte request with 16 bytes over TLS: ``tls.py PORT CERTIFICATE``.

One connection at a time; ends when killed.
"""

from __future__ import annotations

import socket
import ssl
import sys

LENGTH = 16


def main(port: int, certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("", port)) as listener:
        while True:
            peer, _ = listener.accept()
            with context.wrap_socket(peer, server_side=True) as client:
                while client.recv(LENGTH):
                    client.sendall(b"y" * LENGTH)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
