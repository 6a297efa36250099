"""A request in flight on a stream of its own: what its response has to be, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from socklat_gate.load.protocols.http_outcome import http_violation

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Expectation, Violation
    from socklat_gate.load.protocols.http2_head import Head
    from socklat_gate.load.protocols.http2_requests import Asked
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["Ended", "Judge", "Stream", "http_judge"]

KeptBytes = Callable[["Expectation | None"], int]
JudgeResponse = Callable[
    ["Expectation | None", "Head", "Head | None", int, bytearray],
    "tuple[int, int, Violation | None]",
]


@dataclass(frozen=True, slots=True)
class Judge:
    """Holds a response against what is expected.

    ``kept_bytes`` is how much of its beginning that takes; ``judge`` has the arguments and the
    results of `load.protocols.grpc.judge_call`.
    """

    kept_bytes: KeptBytes
    judge: JudgeResponse


def _http_kept_bytes(expected: Expectation | None) -> int:
    return expected.kept_bytes if expected is not None else 0


def _judge_http(
    expected: Expectation | None,
    head: Head,
    trailers: Head | None,  # noqa: ARG001 - gRPC's are there
    length: int,
    beginning: bytearray,
) -> tuple[int, int, Violation | None]:
    return head.status, length, http_violation(expected, head.status, length, beginning)


http_judge = Judge(_http_kept_bytes, _judge_http)


class Ended(NamedTuple):
    """How a request ended: with a response, which may be a failed one, or ``lost`` without."""

    request: int
    status: int
    size: int
    failure: ErrorKind | Literal[""] = ""
    text: str = ""
    lost: bool = False


class Stream:
    """A request in flight; ``kept`` is the beginning of its response's body."""

    __slots__ = ("asked", "head", "kept", "missing", "request", "size")

    def __init__(self, request: int, asked: Asked, keep_bytes: int) -> None:
        self.request = request
        self.asked = asked
        self.head: Head | None = None
        self.size = 0
        self.kept = bytearray()
        self.missing = keep_bytes
