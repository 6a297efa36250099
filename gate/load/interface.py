"""What a load driver is to the rest of the gate, whichever tool does the sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from gate.campaign import LoadCounts
from gate.scenario import Load

__all__ = ["Endpoint", "LoadDriver", "Poll", "Progress", "Window", "window_of"]

Poll = Callable[[], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one arm listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Window:
    """When the load starts (warm-up) and when it is measured; ns of CLOCK_MONOTONIC."""

    start_ns: int
    from_ns: int
    to_ns: int


def window_of(load: Load, start_ns: int) -> Window:
    """The window of a load that starts at ``start_ns``."""
    from_ns = start_ns + round(load.warmup_s * 1e9)
    return Window(start_ns, from_ns, from_ns + round(load.duration_s * 1e9))


class LoadDriver(Protocol):
    """A context manager: ``connect``, ``start`` and ``wait``, once each, in that order.

    Leaving the block ends and reaps every process, whatever happened.  All methods raise
    `InvalidMeasurement` with ``LOAD_REFUSED`` or ``LOAD_DRIVER_FAILED``.
    """

    def __enter__(self) -> LoadDriver:
        """Nothing happens yet."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything that was started."""

    def connect(self) -> None:
        """Get ready, so that `start` is only a word."""

    def start(self, start_ns: int) -> Window:
        """Let the load begin at ``start_ns``, which is now or soon."""

    def wait(
        self, on_progress: Progress | None = None, poll: Poll | None = None
    ) -> tuple[LoadCounts, ...]:
        """Counts by arm at the end of the load.

        ``poll`` is called about four times a second and may raise, for instance because a
        container died; ``on_progress(sent, answered)`` at most once a second.
        """
