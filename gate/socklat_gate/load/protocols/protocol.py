"""What a protocol of the load is: how requests and responses look, and how `init` recognises it.

A module a protocol, each with one `LoadProtocol`, and one line in `load.protocols.registry`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.measured.names import BAD_STATUS

if TYPE_CHECKING:
    from socklat_gate.load.capture import Capture
    from socklat_gate.load.messages import Message
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["DetectedProtocol", "Detector", "Framing", "LoadKey", "LoadProtocol", "OwnRequest"]

SERVER_ERROR = 500
_PASSING = {408, 425, 429}
"""Too late, too early, too many requests."""


@dataclass(frozen=True, slots=True)
class LoadKey:
    """A line of ``[load]`` in a scenario that `init` writes."""

    key: str
    value: str | list[str] | list[int] | bool
    comment: str


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request of driver ``tcp`` that any service of a protocol can carry out, on data of its own.

    ``response`` is its ``load.response`` where that differs from the load's.
    """

    name: str
    weight: float
    payload: str
    comment: str
    response: str | None = None


@dataclass(frozen=True, slots=True)
class DetectedProtocol:
    """What a service speaks: ``path`` and ``status`` for HTTP, and the usual latency in s.

    ``latency_s`` is 0 where it is unknown.  ``verified`` is false for what the port alone
    suggests; ``problem`` is then the reason.  ``location`` is the path of the same service that
    ``path`` redirects to, ``redirected_from`` the one that redirected to ``path`` ("": none).
    ``in_place_of`` tells what a better known path responded, which is why this one is loaded.
    ``tls``: it speaks it over TLS.  ``body_wait_s`` is how much of the latency a body of HTTP comes
    after its head; ``endless``: that body does not end.
    """

    protocol: Detector
    path: str = "/"
    status: int = 0
    latency_s: float = 0.0
    verified: bool = False
    problem: str = ""
    location: str = ""
    redirected_from: str = ""
    in_place_of: str = ""
    tls: bool = False
    body_wait_s: float = 0.0
    endless: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether HTTP said no, and will again: no such path, no such host, not for anybody.

        A gate can compare that; of a status that comes and goes it cannot.
        """
        return BAD_STATUS <= self.status < SERVER_ERROR and self.status not in _PASSING


class Framing(Protocol):
    """Requests as bytes and the end of their responses, for drivers ``tcp`` and ``http``."""

    def selected_by(self, load: Load, request: Request) -> bool:
        """Whether ``request``, one of ``load.requests``, means this protocol."""

    def request_bytes(self, message: Message, authority: str, length: str | None = None) -> bytes:
        """The bytes of one request to the host that a URL calls ``authority``; the body comes last.

        ``length`` is written for the length of the body, if that is written at all.
        """

    def parser(self, request: Request, capture: Capture | None = None) -> ResponseParser:
        """A fresh parser for the responses to ``request`` on one connection.

        It keeps the latest of them in ``capture`` where the protocol has headers.
        """


class Detector(Protocol):
    """Recognises a protocol by a first exchange, or by its usual port.

    ``driver`` is ``load.driver`` for it; ``hints`` are further lines of ``[load]`` that the
    scenario shows as comments.
    """

    @property
    def name(self) -> str:
        """As people call it."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Where such services usually listen."""

    @property
    def driver(self) -> str:
        """The value of ``load.driver``."""

    @property
    def hints(self) -> tuple[str, ...]:
        """Lines of TOML."""

    @property
    def requests(self) -> tuple[OwnRequest, ...]:
        """What to send in place of a single stand-in; empty where nothing is known."""

    @property
    def stand_in(self) -> bool:
        """Whether the load that ``load_keys`` describe only stands in for a real one."""

    def detect(
        self, host: str, port: int, paths: Sequence[str], *, tls: bool = False
    ) -> DetectedProtocol | None:
        """What the service at ``host``:``port`` responds; None when it speaks something else.

        ``paths`` are tried in their order where the protocol has paths; over TLS with ``tls``.
        Takes some seconds at most and raises nothing.
        """

    def load_keys(self, found: DetectedProtocol) -> Iterable[LoadKey]:
        """Lines of ``[load]`` that make the driver send something cheap."""


@dataclass(frozen=True, slots=True)
class LoadProtocol:
    """One protocol: ``example`` is a whole ``[load]`` table in TOML.

    ``response`` is the name by which ``load.response`` selects it, if it has one; it stands in
    `scenario.load.NAMED_RESPONSES` too.  Without ``framing`` another tool is the driver.
    """

    name: str
    example: str
    framing: Framing | None = None
    response: str | None = None
    detectors: tuple[Detector, ...] = ()
