"""Which request is sent as number i of the schedule, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from socklat_gate.scenario.payload import parse_payload

if TYPE_CHECKING:
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["Message", "MessageSource", "common_headers"]


@dataclass(frozen=True, slots=True)
class Message:
    """One request as a protocol has to write it.

    ``kind`` is its index in ``load.requests``.  Headers are those of the scenario, as given, and
    ``body`` is what driver tcp sends.
    """

    kind: int
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class MessageSource:
    """The requests of one arm; ``kinds`` are those of the schedule, by request number."""

    def __init__(self, load: Load, kinds: Sequence[int]) -> None:
        self.requests: tuple[Request, ...] = load.requests
        self._kinds = kinds
        self._fixed = tuple(
            _message(load.driver, kind, request) for kind, request in enumerate(self.requests)
        )

    def kind_of(self, number: int) -> int:
        """Of request ``number`` of the schedule, its index in ``load.requests``."""
        return self._kinds[number]

    def message(self, number: int) -> Message:
        """Request ``number`` of the schedule."""
        return self._fixed[self._kinds[number]]

    def fixed(self, kind: int) -> Message | None:
        """The message of all requests of ``kind``; None when they differ."""
        return self._fixed[kind]


def _message(driver: str, kind: int, request: Request) -> Message:
    if driver == "tcp" or (driver == "websocket" and request.payload is not None):
        return Message(kind, "", "", (), parse_payload(_sent(request.payload or "")))
    body = (request.body or "").encode()
    headers = tuple((name, _sent(value)) for name, value in request.headers.items())
    return Message(kind, request.method, request.path, headers, body)


def common_headers(load: Load) -> tuple[tuple[str, str], ...]:
    """Those of ``[load]`` itself, as the worker has them."""
    return tuple((name, _sent(value)) for name, value in load.headers.items())


def _sent(text: object) -> str:
    """A text that may be a secret's place in the scenario, and never is in the worker."""
    assert isinstance(text, str), "load.worker_json reveals it"
    return text
