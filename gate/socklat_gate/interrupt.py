"""SIGINT and SIGTERM become one exception, so that every ``finally`` runs; clean-up defers it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import FrameType

from socklat_gate.errors import Exit, Interrupted

__all__ = [
    "LIFELINE",
    "STOP_BYTES",
    "defer_signals",
    "follow_lifeline",
    "interruptible",
    "obey_signal",
    "settle_signal",
    "signal_received",
]

LIFELINE = "SOCKLAT_LIFELINE"
"""Set to "stdin" by whoever stops this process by way of its standard input."""

STOP_BYTES = {signal.SIGINT: b"I", signal.SIGTERM: b"T"}
"""What stands for a signal there; the end of it is a SIGTERM."""


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


def signal_received() -> bool:
    """Whether a signal has come: what is left to do has to be done soon."""
    return _State.received is not None


def follow_lifeline(environment: MutableMapping[str, str] = os.environ) -> None:
    """Obeys what comes by standard input, where the environment says so.

    A process that runs as root through sudo gets no signal of the one that started it, which may
    not send one, and does not hear of its end.
    """
    if environment.pop(LIFELINE, "") == "stdin":
        threading.Thread(target=_follow_stdin, name="lifeline", daemon=True).start()


def _follow_stdin() -> None:
    try:
        said = os.read(0, 1)
    except OSError:
        said = b""
    number = signal.SIGINT if said == STOP_BYTES[signal.SIGINT] else signal.SIGTERM
    os.kill(os.getpid(), number)


def settle_signal() -> None:
    """The signal that came has been handled: it raises no more, later ones stay ignored.

    For a command that a signal ends in its own way, with a summary for instance.
    """
    _State.settled = True


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM raises `Interrupted`; later ones are ignored.

    They stay ignored while the process ends, once one has come: by the kernel, since Python puts
    the default back for handlers of its own before it is gone.
    """
    _State.received, _State.depth, _State.settled = None, 0, False
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, _on_signal) for number in numbers}
    try:
        yield
        obey_signal()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if _State.received is None else signal.SIG_IGN)


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
