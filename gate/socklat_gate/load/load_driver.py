"""What a load driver is to the rest of the gate, whichever tool does the sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.records import Records

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = [
    "END_AHEAD_NS",
    "POLL_EVERY_S",
    "Endpoint",
    "LoadDriver",
    "Poll",
    "Progress",
    "Window",
    "make_window",
]

Poll = Callable[[], None]
Progress = Callable[[int, int], None]

POLL_EVERY_S = 0.1
END_AHEAD_NS = 200_000_000
"""How long before its end a window can be ended, so that the driver gets the message in time."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one arm listens; ``name`` is that of the arm, in messages."""

    host: str
    port: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """When the load starts (warm-up) and when it is measured; ns of CLOCK_MONOTONIC.

    Requests due in [from_ns, to_ns) are measured, and none is due later.
    """

    start_ns: int
    from_ns: int
    to_ns: int


def make_window(load: Load, start_ns: int, duration_s: float) -> Window:
    """The window of a load that starts at ``start_ns`` and is measured for ``duration_s``."""
    from_ns = start_ns + round(load.warmup_s * 1e9)
    return Window(start_ns, from_ns, from_ns + round(duration_s * 1e9))


class LoadDriver(Protocol):
    """A context manager: ``connect``, ``start`` and ``wait``, once each, in that order.

    Leaving the block ends and reaps every process, whatever happened.  `connect`, `start`, `wait`
    and `end_at` raise `InvalidMeasurement` with ``LOAD_REFUSED`` or ``LOAD_DRIVER_FAILED``.
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

    def pids(self) -> tuple[int, ...]:
        """Processes that send the load, themselves or by their descendants; empty before they run.

        Each leads a session and process group of its own.
        """

    def connect(self) -> None:
        """Get ready, so that `start` takes no time."""

    def start(self, start_ns: int) -> Window:
        """Let the load begin at ``start_ns``, which is now or soon.

        The window is as long as it can become: ``load.max_duration_s`` where that is set, which
        `end_at` cuts short.
        """

    def end_at(self, end_ns: int) -> Window:
        """End the window at ``end_ns`` (CLOCK_MONOTONIC); to be called from `wait`'s ``poll``.

        Returns the window that the counts will be of: its end is moved to the earliest possible
        (`END_AHEAD_NS` from now, and ``load.duration_s`` after its begin) or to the latest when
        ``end_ns`` lies outside.  Only the first call counts; later ones return the same window.
        Requests due from then on are not sent; those due before it are counted as always.
        """

    def wait(
        self, on_progress: Progress | None = None, poll: Poll | None = None
    ) -> tuple[LoadCounts, ...]:
        """Counts by arm at the end of the load, of the window that `start` or `end_at` returned.

        ``poll`` is called about ten times a second and may raise, for instance because a
        container died; ``on_progress(sent, responded)`` at most once a second.
        """

    def sent(self) -> Records | None:
        """Rows of `measured.records.SENT` for every request sent, warm-up included; after `wait`.

        With several streams a connection rows of `CALL`, one for each request of the schedule.
        None where no request has a name, and of an external command.
        """
