"""SIGINT and SIGTERM become one exception, so that every ``finally`` runs; clean-up defers it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from socklat_gate.errors import Exit, Interrupted

__all__ = ["defer_signals", "interruptible", "obey_signal", "settle_signal", "was_signalled"]


class _State:
    """Process-wide, as signals are."""

    depth = 0
    received: int | None = None
    settled = False


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _State.received is not None:
        return  # the first one is being obeyed
    _State.received = number
    if _State.depth == 0:
        obey_signal()


def obey_signal() -> None:
    """Raises `Interrupted` when a signal has come, else nothing.

    For work that goes on for long: an exception raised in a finaliser or in a library's callback
    gets lost there, and the signal with it.
    """
    if _State.received is not None and not _State.settled:
        received = signal.Signals(_State.received)
        raise Interrupted(Exit.SIGTERM if received is signal.SIGTERM else Exit.SIGINT)


def was_signalled() -> bool:
    """Whether a signal has come, so that nothing should be waited for any more."""
    return _State.received is not None


def settle_signal() -> None:
    """The signal that came has been handled: it raises no more, later ones stay ignored.

    For a command that a signal ends in its own way, with a summary for instance.
    """
    _State.settled = True


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM raises `Interrupted`; later ones are ignored.

    They stay ignored while the process ends, once one has come.
    """
    _State.received, _State.depth, _State.settled = None, 0, False
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, _on_signal) for number in numbers}
    try:
        yield
        obey_signal()
    finally:
        if _State.received is None:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Holds a signal back until the block is done: clean-up must not be cut off half-way."""
    pending_before = _State.received
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
    if _State.depth == 0 and pending_before is None:
        obey_signal()
