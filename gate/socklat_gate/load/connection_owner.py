"""What a connection needs of the pool that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from socklat_gate.load.request_log import Record

__all__ = ["ConnectionOwner"]

Connection_contra = TypeVar("Connection_contra", contravariant=True)


class ConnectionOwner(Protocol[Connection_contra]):
    """``endpoint`` names the service in messages.

    ``keeps_alive``: the requests do not ask the service to close the connection.
    """

    arm: int
    endpoint: str
    keeps_alive: bool
    record: Record

    def now_ns(self) -> int:
        """The time now."""

    def release(self, connection: Connection_contra) -> None:
        """``connection`` is free for the next request."""

    def requeue(self, request: int) -> None:
        """``request`` was sent, and the service did not take the connection."""

    def on_closed(self, connection: Connection_contra, *, lost: bool) -> None:
        """``connection`` is closed or closing; a second call does nothing.

        ``lost``: the service ended it, while the driver would have kept it.
        """
