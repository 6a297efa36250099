"""What a client says and hears on one connection: the interface of all protocols, no sockets."""

from __future__ import annotations

from typing import Protocol

from socklat_gate.load.protocols.parser import ResponseParser

__all__ = ["ClientSession"]


class ClientSession(ResponseParser, Protocol):
    """Bytes to send and bytes that came, of one connection with one request in flight at most.

    *Control* bytes are those that are no part of a request: a TLS handshake, the preface of HTTP/2,
    acknowledgements of settings and pings.  The connection sends them marked, so that the probe
    takes none for a request.  ``ready`` turns true once requests may be sent; ``has_control`` is
    true while `control` would return bytes.  The other members are of the latest complete response,
    as `ResponseParser` has them.
    """

    ready: bool
    has_control: bool

    def control(self) -> bytes:
        """Control bytes that are due, each once.

        Once the connection is open they begin the conversation; after that they answer what came.
        """

    def request(self, request: int) -> bytes:
        """The bytes of request number ``request`` of the schedule, which is in flight from now on.

        Only when ``ready`` and none is in flight.
        """

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.

        Raises `BadResponse`, also for a handshake that failed, with what to do about it.
        """
