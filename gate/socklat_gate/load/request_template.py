"""A request of the scenario with the places where values go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from socklat_gate.load.json_body import in_strings, json_text, said_to_be_json
from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.template import Field, Part, Verbatim, parts_of

if TYPE_CHECKING:
    from socklat_gate.scenario.request import Request
    from socklat_gate.scenario.secret import Shown

__all__ = ["Message", "Place", "RequestTemplate", "encode_for", "quoted_path"]

PRINTABLE = "".join(map(chr, range(33, 127)))
Place = Literal["path", "headers", "body", "json"]
"""Where a value goes; "json" is within a string of a body that is JSON."""
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

        def fields_and_texts(text: Shown, place: Place) -> Sequence[Part]:
            assert isinstance(text, str), "load.worker_json reveals it"
            return parts_of(text, known, strict=bool(known), in_path=place == "path")

        def with_variable(part: Part) -> Part:
            if isinstance(part, Field) and part.name in variables:
                return Verbatim(variables[part.name])
            return part

        def parts(text: Shown, place: Place) -> list[Part]:
            return [with_variable(part) for part in fields_and_texts(text, place)]

        self._kind = kind
        self._method, self._path = "", list[Part]()
        self._headers: list[tuple[str, list[Part]]] = []
        self._body: list[bytes | tuple[Field, Place]] = []
        if driver == "tcp" or (driver == "websocket" and request.payload is not None):
            for piece in _pieces(request.payload):
                found = parts(piece, "body")
                self._body += [(p, "body") if isinstance(p, Field) else _read(p) for p in found]
            return
        self._method = request.method
        self._path = parts(request.path, "path")
        self._headers = [(name, parts(text, "headers")) for name, text in request.headers.items()]
        if isinstance(request.content, bytes):
            self._body = [request.content]
            return
        body = fields_and_texts(request.content or "", "body")
        said = True if driver == "grpc" else said_to_be_json(request.headers)
        for part, in_string in zip(body, in_strings(body, said=said), strict=True):
            place: Place = "json" if in_string else "body"
            filled = with_variable(part)
            if isinstance(filled, Field):
                self._body.append((filled, place))
            elif isinstance(part, Field):
                self._body.append(encode_for(place)(filled).encode())
            else:
                self._body.append(filled.encode())

    def fields(self) -> Iterator[Field]:
        """All places, in their order; none where every message is the same."""
        for parts in (self._path, *(parts for _, parts in self._headers)):
            yield from (part for part in parts if isinstance(part, Field))
        yield from (part[0] for part in self._body if not isinstance(part, bytes))

    def has_fields_in_body(self) -> bool:
        """Whether bodies may be of different lengths."""
        return any(not isinstance(part, bytes) for part in self._body)

    def message(self, fill_in: FillIn) -> Message:
        """The request with what ``fill_in`` says."""

        def text(parts: list[Part], place: Place) -> str:
            return "".join(p if isinstance(p, str) else fill_in(p, place) for p in parts)

        return Message(
            self._kind,
            self._method,
            text(self._path, "path"),
            tuple((name, text(parts, "headers")) for name, parts in self._headers),
            b"".join(p if isinstance(p, bytes) else fill_in(*p).encode() for p in self._body),
        )


def _pieces(payload: str | list[Shown] | None) -> list[Shown]:
    return payload if isinstance(payload, list) else [payload or ""]


def _read(text: str) -> bytes:
    """A part of a payload; the values of secrets and variables have no escapes."""
    return text.encode() if isinstance(text, Verbatim) else parse_payload(text)


def encode_for(place: Place) -> Callable[[str], str]:
    """How a value is written there: in a path without blanks and what is not ASCII."""
    return _ENCODINGS.get(place, str)


def quoted_path(text: str) -> str:
    """``text`` with blanks and what is not ASCII percent-encoded; all else stands as given."""
    return quote(text, safe=PRINTABLE)


_ENCODINGS: Mapping[Place, Callable[[str], str]] = {"path": quoted_path, "json": json_text}
