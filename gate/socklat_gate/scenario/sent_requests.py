"""What is sent for a ``[load]``: its requests and its setup, with what it says of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.scenario.payload import parse_payload
from socklat_gate.scenario.request import Request
from socklat_gate.scenario.secret import Shown, payload_shown, shown
from socklat_gate.scenario.setup import Setup, SetupStep
from socklat_gate.scenario.template import names_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from socklat_gate.scenario.command import Command
    from socklat_gate.scenario.expect import Expect
    from socklat_gate.scenario.tls import Tls

__all__ = ["SentRequests"]

MAX_ASKED = 60


class SentRequests:
    """What follows from the members of a `scenario.load.Load`."""

    if TYPE_CHECKING:
        driver: str
        keep_alive: bool
        tls: Tls | None
        payload: str | list[Shown] | None
        hello: str | list[Shown] | None
        response: int | str
        http: str
        method: str
        path: str
        headers: dict[str, Shown]
        body: str | None
        expect: Expect | None
        request: Sequence[Request]
        setup: Sequence[Setup]
        variables: Mapping[str, Shown]
        command: Command | None

    @property
    def _asks_for_the_end(self) -> bool:
        """Whether requests say that theirs is the connection's last; HTTP/2 has no word for it."""
        return not self.keep_alive and self.driver == "http" and self.http == "1.1"

    @property
    def requests(self) -> tuple[Request, ...]:
        """What is sent, with what [load] says of all; one without a name where none is listed."""
        closing: dict[str, Shown] = {"Connection": "close"} if self._asks_for_the_end else {}
        if not self.request:
            return (self._only_request(closing),)
        return tuple(
            request.model_copy(
                update={
                    "headers": closing | _joined(self.headers, request.headers),
                    "response": self.response if request.response is None else request.response,
                    "expect": request.expect or self.expect,
                }
            )
            for request in self.request
        )

    @property
    def steps(self) -> tuple[SetupStep, ...]:
        """The setup as it is sent: with those headers of [load] whose variables are known then."""
        known = set(self.variables)
        later = {name for setup in self.setup for name in setup.save}
        steps = []
        for setup in self.setup:
            headers = {
                name: text
                for name, text in self.headers.items()
                if not names_in(text, later) - known
            }
            steps.append(setup.step(_joined(headers, setup.headers)))
            known |= set(setup.save)
        return tuple(steps)

    def _only_request(self, closing: dict[str, Shown]) -> Request:
        """That of a load which lists none; ``closing`` are headers beside its own."""
        names = ("method", "path", "headers", "body", "payload", "response", "expect")
        members = {name: getattr(self, name) for name in names}
        members["headers"] = closing | self.headers
        request = Request.model_construct(name="", weight=1.0, body_file=None, **members)
        request._content = self.body
        return request

    @property
    def marks_control(self) -> bool:
        """Whether every connection begins with bytes of the driver's that are no request."""
        return (
            self.driver in {"grpc", "websocket"}
            or (self.driver == "http" and self.http == "2")
            or (self.driver != "command" and self.tls is not None)
            or self.hello is not None
        )

    @property
    def asked(self) -> str:
        """The request in a few words: ``GET /cart``, ``PING``, the name of a load tool."""
        if self.request:
            return f"a mix of {len(self.request)} requests"
        if self.driver == "http":
            return f"{self.method} {self.path}"
        if self.driver == "command":
            return shown(self.command.argv[0]) if self.command else "a command"
        if self.driver == "grpc":
            return self.path.removeprefix("/")
        if self.driver == "websocket" and self.body is not None:
            return " ".join(self.body.split())[:MAX_ASKED] or "an empty message"
        text = parse_payload(payload_shown(self.payload or "")).decode("utf-8", "replace")
        return " ".join(text.split())[:MAX_ASKED] or "an empty request"


def _joined(common: dict[str, Shown], own: dict[str, Shown]) -> dict[str, Shown]:
    """Headers of the load, but for those that the request has itself, whatever their case."""
    given = {name.lower() for name in own}
    return {name: text for name, text in common.items() if name.lower() not in given} | own
