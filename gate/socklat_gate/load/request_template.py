"""A request of the scenario with the places where values go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.template import Field, Part, Verbatim, parts_of

if TYPE_CHECKING:
    from socklat_gate.scenario.request import Request
    from socklat_gate.scenario.secret import Shown

__all__ = ["Message", "Place", "RequestTemplate", "encode_for", "quoted_path"]

PRINTABLE = "".join(map(chr, range(33, 127)))
Place = Literal["path", "headers", "body"]
FillIn = Callable[[Field, Place], str]


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


class RequestTemplate:
    """Request number ``kind`` of those that ``driver`` sends.

    ``columns`` are the names of those that a feeder has, ``variables`` are filled in already.
    """

    def __init__(
        self,
        driver: str,
        kind: int,
        request: Request,
        columns: Collection[str],
        variables: Mapping[str, str],
    ) -> None:
        known = [*columns, *variables]

        def parts(text: Shown, place: Place) -> list[Part]:
            assert isinstance(text, str), "load.worker_json reveals it"
            found = parts_of(text, known, strict=bool(known) or place == "path")
            return [
                Verbatim(variables[part.name])
                if isinstance(part, Field) and part.name in variables
                else part
                for part in found
            ]

        self._kind = kind
        self._method, self._path = "", list[Part]()
        self._headers: list[tuple[str, list[Part]]] = []
        self._body: list[bytes | Field] = []
        if driver == "tcp" or (driver == "websocket" and request.payload is not None):
            for piece in _pieces(request.payload):
                found = parts(piece, "body")
                self._body += [p if isinstance(p, Field) else _read(p) for p in found]
            return
        self._method = request.method
        self._path = parts(request.path, "path")
        self._headers = [(name, parts(text, "headers")) for name, text in request.headers.items()]
        if isinstance(request.content, bytes):
            self._body = [request.content]
        else:
            body = parts(request.content or "", "body")
            self._body = [p if isinstance(p, Field) else p.encode() for p in body]

    def fields(self) -> Iterator[Field]:
        """All places, in their order; none where every message is the same."""
        every: list[Sequence[object]] = [self._path, *(parts for _, parts in self._headers)]
        for parts in (*every, self._body):
            yield from (part for part in parts if isinstance(part, Field))

    def has_fields_in_body(self) -> bool:
        """Whether bodies may be of different lengths."""
        return any(isinstance(part, Field) for part in self._body)

    def message(self, fill_in: FillIn) -> Message:
        """The request with what ``fill_in`` says."""

        def text(parts: list[Part], place: Place) -> str:
            return "".join(p if isinstance(p, str) else fill_in(p, place) for p in parts)

        return Message(
            self._kind,
            self._method,
            text(self._path, "path"),
            tuple((name, text(parts, "headers")) for name, parts in self._headers),
            b"".join(
                p if isinstance(p, bytes) else fill_in(p, "body").encode() for p in self._body
            ),
        )


def _pieces(payload: str | list[Shown] | None) -> list[Shown]:
    return payload if isinstance(payload, list) else [payload or ""]


def _read(text: str) -> bytes:
    """A part of a payload; the values of secrets and variables have no escapes."""
    return text.encode() if isinstance(text, Verbatim) else parse_payload(text)


def encode_for(place: Place) -> Callable[[str], str]:
    """How a value is written there: in a path without blanks and what is not ASCII."""
    return quoted_path if place == "path" else str


def quoted_path(text: str) -> str:
    """``text`` with blanks and what is not ASCII percent-encoded; all else stands as given."""
    return quote(text, safe=PRINTABLE)
