"""The requests of ``[[load.setup]]``: one after the other, each on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.load.capture import Capture
from socklat_gate.load.connection import Connection
from socklat_gate.load.dialer import CONNECT_WITHIN_S, Dialer, Network
from socklat_gate.load.handshake_failed import NotReady
from socklat_gate.load.messages import MessageSource, variables_of
from socklat_gate.load.protocols.registry import session_for
from socklat_gate.load.request_log import RESPONDED, Record
from socklat_gate.load.schedule import Schedule
from socklat_gate.load.values import Values
from socklat_gate.scenario.saved import NotThere, value_at

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from socklat_gate.load.clock import Clock
    from socklat_gate.load.protocols.session import ClientSession
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["SetupFailed", "SetupRun"]


class SetupFailed(Exception):
    """What came back in ``arm`` (an index) is of no use: ``error`` names the request."""

    def __init__(self, arm: int, error: str) -> None:
        self.arm = arm
        self.error = error
        super().__init__(error)


class SetupRun:
    """The setup of one arm, which listens at ``endpoint``; a `ConnectionOwner`.

    ``seed`` is the schedule's: both arms are asked the same.  ``responses`` counts what came back.
    """

    def __init__(
        self,
        load: Load,
        arm: int,
        endpoint: tuple[str, int],
        seed: int,
        clock: Clock,
        network: Network,
    ) -> None:
        self._host, self._port = endpoint
        self.endpoint = f"{self._host}:{self._port}"
        self.arm = 0  # in a record of its own
        self.keeps_alive = False
        self.now_ns = clock.now_ns
        self.saved: dict[str, str] = {}
        self._of_arm = arm
        self._load = load
        self._seed = seed
        self._dialer = Dialer(self._host, self._port, network)
        names = [step.request.name for step in load.steps]
        self.record = Record(_schedule_of(len(names)), 1, names)
        self._settled = asyncio.Event()

    @property
    def took_ns(self) -> dict[str, int]:
        """From sending to the whole response, by the request's name, of those responded to."""
        record = self.record
        return {
            name: record.done_ns[number] - record.sent_ns[number]
            for number, name in enumerate(record.names)
            if record.state[number] == RESPONDED
        }

    @property
    def responses(self) -> int:
        """How many responses came, of whatever status."""
        return self.record.responded

    async def run(self) -> dict[str, str]:
        """The values of all variables, those of the scenario included.  Raises `SetupFailed`."""
        for number, step in enumerate(self._load.steps):
            capture = Capture()
            variables = self._variables()
            try:
                await self._exchange(number, step.request, variables, capture)
            except NotReady as error:
                text = f"{error}; {error.remedy}" if error.remedy else str(error)
                raise self._failure(step.request, text) from None
            except OSError as error:
                raise self._failure(step.request, error.strerror or str(error)) from None
            self._save(step.request, step.save, capture)
        return self._variables()

    def _variables(self) -> dict[str, str]:
        return variables_of(self._load) | self.saved

    def _save(self, request: Request, places: Mapping[str, str], capture: Capture) -> None:
        for name, place in places.items():
            try:
                self.saved[name] = value_at(place, capture.headers, bytes(capture.body))
            except NotThere as error:
                raise self._failure(request, f"save.{name} = {place!r}: {error}") from None

    async def _exchange(
        self, number: int, request: Request, variables: Mapping[str, str], capture: Capture
    ) -> None:
        """Send request ``number`` and wait for its response.  Raises `OSError`, `SetupFailed`."""
        # An entropy of its own: else the first request of the load would have the same values.
        values = Values([self._seed, 1], None, variables)
        source = MessageSource(self._load, [0] * (number + 1), values, (request,))
        new_session = session_for(self._load, source, self._host, self._port, capture)
        deadline_s = asyncio.get_running_loop().time() + CONNECT_WITHIN_S
        await self._dialer.resolve()
        connection = await self._dialer.dial_until(partial(self._new, new_session), deadline_s)
        self._settled.clear()
        connection.send(number)
        try:
            await asyncio.wait_for(self._settled.wait(), self._load.timeout_s)
        except asyncio.TimeoutError:  # not the built-in one on Python 3.10
            connection.fail("timeout", f"no response within {self._load.timeout_s:g} s")
        connection.close()
        await connection.closed
        if self.record.state[number] != RESPONDED:
            text = self.record.first_error(0).removeprefix(f"{self.endpoint}: ")
            raise self._failure(request, text.removeprefix(f"{request.name}: "))

    def _new(self, new_session: Callable[[], ClientSession], sock: socket.socket) -> Connection:
        return Connection(self, sock, new_session(), 0)

    def _failure(self, request: Request, text: str) -> SetupFailed:
        return SetupFailed(self._of_arm, f"{request.name} ({request.method}): {text}")

    # What a connection calls.

    def release(self, connection: Connection) -> None:  # noqa: ARG002 - there is only one
        """The response is in."""
        self._settled.set()

    def requeue(self, request: int) -> None:
        """Only of connections that a pool opened on top."""
        raise AssertionError(f"request {request} is sent once")

    def on_closed(self, connection: Connection, *, lost: bool) -> None:  # noqa: ARG002 - as above
        """The response is in, or none will come."""
        self._settled.set()


def _schedule_of(requests: int) -> Schedule:
    """Each of them once."""
    return Schedule(
        np.zeros(requests, dtype=np.int64),
        np.zeros(requests, dtype=np.int8),
        np.arange(requests, dtype=np.uint16),
        warmup_ns=0,
        duration_ns=0,
    )
