"""From a connection's first byte until requests can be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from socklat_gate.load.handshake_failed import ClosedEarly, HandshakeFailed
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.session import ClientSession
from socklat_gate.load.protocols.tls import TlsSession
from socklat_gate.load.protocols.tls_failure import TlsFailed, closed_early

__all__ = ["SETTLE_S", "Opening"]

SETTLE_S = 0.1
"""A service that sends session tickets does so at once: what has not come by then never will."""


class Opening:
    """The opening of one connection whose ``session`` is not ready from the start.

    ``done`` is set once requests can be sent; it fails with `HandshakeFailed`, or with another
    `OSError` when the service closed before.  ``note`` gets the time in ns of a TLS handshake
    and what it negotiated.
    """

    __slots__ = ("_begun_ns", "_note", "_now_ns", "_session", "_timed", "done")

    def __init__(
        self, session: ClientSession, now_ns: Callable[[], int], note: Callable[[int, str], None]
    ) -> None:
        self._session = session
        self._now_ns = now_ns
        self._note = note
        self._timed = False
        self._begun_ns = now_ns()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """The first byte is sent."""
        self._begun_ns = self._now_ns()

    def advance(self) -> bool:
        """Something came; whether the session is ready."""
        session = self._session
        if isinstance(session, TlsSession) and session.established and not self._timed:
            self._timed = True
            self._note(self._now_ns() - self._begun_ns, session.negotiated)
            if not session.ready:
                asyncio.get_running_loop().call_later(SETTLE_S, self._settle, session)
        if session.ready and not self.done.done():
            self.done.set_result(None)
        return session.ready

    def reject(self, error: BadResponse) -> None:
        """What came was wrong."""
        if isinstance(error, TlsFailed):
            self._fail(HandshakeFailed(error.cause, error.remedy))
        else:
            self._fail(HandshakeFailed(str(error)))

    def closed(self, error: Exception | None) -> None:
        """The service closed the connection, by ``error`` or in order."""
        session = self._session
        if isinstance(session, TlsSession):
            early = closed_early(established=session.established)
            self._fail(ClosedEarly(early.cause, early.remedy))
        elif isinstance(error, OSError):
            self._fail(error)
        else:
            self._fail(ClosedEarly("the server closed the connection"))

    def _settle(self, session: TlsSession) -> None:
        if not self.done.done():
            session.settle()
            self.advance()

    def _fail(self, error: OSError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
