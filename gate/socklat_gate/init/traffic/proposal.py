"""What a source proposes for ``[[load.request]]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["BODY_METHODS", "CHANGING", "KNOWN_METHODS", "LeftOut", "Proposal", "ProposedRequest"]

KNOWN_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
CHANGING = frozenset(("POST", "PUT", "PATCH", "DELETE"))
BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))


class LeftOut(str, Enum):
    """Why requests of the data are not in the list."""

    RARE = "rare"
    FAILED = "failed"
    OTHER_HOST = "other_host"
    ASSET = "asset"
    NOT_HTTP = "not_http"
    NOT_UNDERSTOOD = "not_understood"
    NO_BODY = "no_body"


@dataclass(frozen=True, slots=True)
class ProposedRequest:
    """One ``[[load.request]]``: ``comments`` go above it; an inactive one is a comment as a whole.

    ``share`` is its part of the data's requests, None where the data has no such thing.
    """

    name: str
    weight: float
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    payload: str | None = None
    response: str | None = None
    comments: tuple[str, ...] = ()
    active: bool = True

    @property
    def changing(self) -> bool:
        """Whether it changes the state of the service."""
        return self.payload is None and self.method in CHANGING


@dataclass(frozen=True, slots=True)
class Proposal:
    """The requests of a source: ``origin`` names it, ``left_out`` counts what is not in them.

    ``secrets`` are names of headers, in lower case, that let requests in and are not written.
    ``span_s`` is how long the ``total`` requests of the data took (0: unknown), ``port`` that of
    the service in the data (None: unknown).
    """

    origin: str
    requests: tuple[ProposedRequest, ...]
    secrets: frozenset[str] = frozenset()
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)
    total: int = 0
    span_s: float = 0.0
    port: int | None = None

    @property
    def active(self) -> tuple[ProposedRequest, ...]:
        """Those that the load sends."""
        return tuple(request for request in self.requests if request.active)
