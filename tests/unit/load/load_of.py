"""What the tests of the load's driver share: requests, responses and a short load."""

from __future__ import annotations

from socklat_gate.scenario import Load

PONG = b"+PONG\r\n"
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def pong(peer, _):
    peer.write(PONG)


def load_of(**options):
    of_all = {} if "request" in options else {"payload": r"PING\r\n"}
    settings = {
        **of_all,
        "rate": 404.0,
        "arrivals": "constant",
        "connections": 5,
        "duration_s": 0.25,
        "warmup_s": 0.0,
        **options,
    }
    # Growth has tests of its own; without it a slow machine opens no more than is expected here.
    return Load(**{"max_connections": settings["connections"], **settings})
