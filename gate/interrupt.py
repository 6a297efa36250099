"""SIGINT and SIGTERM become one exception, so that every ``finally`` runs; clean-up is shielded."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gate.errors import Exit, Interrupted

__all__ = ["interruptible", "shielded"]


class _State:
    """Process-wide, as signals are."""

    depth = 0
    received: int | None = None


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _State.received is not None:
        return  # the first one is being obeyed
    _State.received = number
    if _State.depth == 0:
        raise Interrupted(_exit_code(number))


def _exit_code(number: int) -> Exit:
    return Exit.SIGTERM if number == signal.SIGTERM else Exit.SIGINT


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM raises `Interrupted`; later ones are ignored."""
    _State.received, _State.depth = None, 0
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, _on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Holds a signal back until the block is done: clean-up must not be cut off half-way."""
    pending_before = _State.received
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
    if _State.depth == 0 and _State.received is not None and pending_before is None:
        raise Interrupted(_exit_code(_State.received))
