"""The requests of one arm as frames of HTTP/2, shared by all of its connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from socklat_gate.load.protocols.http2_frames import RequestFrames, request_frames
from socklat_gate.load.request_template import quoted_path
from socklat_gate.load.unprepared import Unsendable

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Expectation
    from socklat_gate.load.messages import Message

__all__ = [
    "Asked",
    "Http2Requests",
    "Messages",
    "Write",
    "http2_fields",
    "write_http2",
]

Fields = list[tuple[str, str]]
Write = Callable[["Message"], tuple[Fields, bytes]]
"""Fields, pseudo-headers first, and body of a request."""

_BODY_EXPECTED = ("POST", "PUT", "PATCH")
_OF_CONNECTION = frozenset(
    {"connection", "host", "http2-settings", "keep-alive", "proxy-connection", "te"}
    | {"transfer-encoding", "upgrade"}
)
"""Headers of HTTP/1.1 that HTTP/2 has no place for, or another one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is sent, and what its response has to be."""

    frames: RequestFrames
    expected: Expectation | None
    is_head: bool


class Messages(Protocol):
    """What of `load.messages.MessageSource` is needed here."""

    def kind_of(self, number: int) -> int:
        """Of request ``number``, its index among the kinds."""

    def message(self, number: int) -> Message:
        """Request ``number``."""

    def fixed(self, kind: int) -> Message | None:
        """The message of all requests of ``kind``; None when they differ."""


class Http2Requests:
    """Requests of ``source`` as ``write`` has them; ``expected`` is by kind."""

    def __init__(
        self, source: Messages, write: Write, expected: Sequence[Expectation | None]
    ) -> None:
        self._source = source
        self._write = write
        self._expected = expected
        fixed = (source.fixed(kind) for kind in range(len(expected)))
        self._fixed = [None if message is None else self._asked(message) for message in fixed]

    def asked(self, request: int, *, shrink_table: bool = False) -> Asked:
        """Request number ``request`` of the schedule; see `http2_frames.request_frames`."""
        source = self._source
        if not shrink_table and (asked := self._fixed[source.kind_of(request)]) is not None:
            return asked
        try:
            return self._asked(source.message(request), shrink_table=shrink_table)
        except Unsendable as error:
            error.request = request
            raise

    def _asked(self, message: Message, *, shrink_table: bool = False) -> Asked:
        fields, body = self._write(message)
        frames = request_frames(fields, body, shrink_table=shrink_table)
        return Asked(frames, self._expected[message.kind], message.method == "HEAD")


def http2_fields(
    message: Message, scheme: str, authority: str, usual: Iterable[tuple[str, str]]
) -> Fields:
    """Pseudo-headers, what is ``usual`` unless the message has it, and the message's headers.

    Its ``host`` becomes ``:authority``; headers that HTTP/2 forbids are left out.
    """
    headers = [(name.lower(), value) for name, value in message.headers]
    given = dict(headers)
    return [
        (":method", message.method),
        (":scheme", scheme),
        (":authority", given.get("host", authority)),
        (":path", quoted_path(message.path)),
        *((name, value) for name, value in usual if name not in given),
        *((name, value) for name, value in headers if name not in _OF_CONNECTION),
    ]


def write_http2(scheme: str, authority: str) -> Write:
    """For driver ``http``."""

    def write(message: Message) -> tuple[Fields, bytes]:
        usual = [("user-agent", "socklat-gate"), ("accept", "*/*")]
        if message.body or message.method in _BODY_EXPECTED:
            usual.append(("content-length", str(len(message.body))))
        return http2_fields(message, scheme, authority, usual), message.body

    return write
