"""Ports that stay free until a test takes them."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

__all__ = ["free_port"]

# None of those that the kernel hands out: somebody's connection could take one meanwhile.
CANDIDATES = range(20_000, 32_000, 2)


def free_port(count: int = 1) -> int:
    """A port of the loopback that is free together with the ``count - 1`` after it."""
    for port in random.SystemRandom().sample(CANDIDATES, 100):
        with ExitStack() as stack:
            try:
                for number in range(port, port + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
            except OSError:
                continue
            return port
    raise AssertionError(f"no {count} ports are free")
