"""Dialing again and again until a deadline, in virtual time."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from socklat_gate.load.dialer import Address, Dialer
from tests.unit.load.virtual import VirtualLoop

ANYWHERE: Address = (socket.AF_INET, ("192.0.2.1", 80))


class Refusing:
    """Refuses ``times`` connections; later ones get no response, as on a machine that is busy."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def resolve(self, host: str, port: int) -> list[Address]:
        return [ANYWHERE]

    async def connect(self, address: Address) -> socket.socket:
        self.left -= 1
        if self.left >= 0:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits for so long")


@pytest.mark.parametrize(("refusals", "error"), [(3, ConnectionRefusedError), (0, TimeoutError)])
def test_what_the_service_did_outlives_a_last_attempt_without_time(
    refusals: int, error: type[OSError]
) -> None:
    loop = VirtualLoop()

    async def dial() -> None:
        dialer = Dialer("service", 80, Refusing(refusals))
        await dialer.resolve()
        await dialer.dial_until(lambda _: asyncio.Protocol(), loop.time() + 1.0)

    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - which one is the question
            loop.run_until_complete(dial())
    finally:
        loop.close()
    assert type(caught.value) is error
