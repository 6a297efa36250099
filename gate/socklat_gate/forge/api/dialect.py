"""In what the APIs of code hosts differ: names, headers, and which failures pass by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from socklat_gate.errors import HostFailure, Reason

__all__ = ["Dialect"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to speak with a host, and how to speak of it.

    ``headers`` go with every request; ``authorisation`` makes the header, name and value, that
    holds a token.  ``rights`` is what to do about a refusal, ``address`` about a response that is
    none of this API's.  ``passing`` are statuses that are over after a moment.
    ``pages_elsewhere``: the address of a list's next page may have another path, and is taken as it
    is; otherwise only its query is, since a host behind a proxy may not know its own address.
    """

    name: str
    headers: Mapping[str, str]
    authorisation: Callable[[str], tuple[str, str]]
    rights: str
    address: str
    failure: type[HostFailure] = HostFailure
    refused: Reason = Reason.HOST_REFUSED
    rate_limited: Reason = Reason.HOST_RATE_LIMITED
    unreachable: Reason = Reason.HOST_UNREACHABLE
    unexpected: Reason = Reason.HOST_UNEXPECTED
    passing: frozenset[int] = frozenset({500, 502, 503, 504, 520, 521, 522, 523, 524})
    pages_elsewhere: bool = False

    def unexpected_response(self, text: str, status: int | None = None) -> HostFailure:
        """A response that this client has no use for."""
        return self.failure(self.unexpected, text, remedy=self.address, status=status)
