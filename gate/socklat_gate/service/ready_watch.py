"""When each container became ready: tried on a thread of its own from its start on."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.scenario import Ready
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail
from socklat_gate.service.ready import Try, least_pause_s, make_attempt
from socklat_gate.service.ready_hint import listening_hint

__all__ = ["MAX_PAUSE_S", "PAUSE_SHARE", "ReadyMoment", "ReadyWatch"]

log = logging.getLogger(__name__)

PAUSE_SHARE = 1 / 64
MAX_PAUSE_S = 0.25
CHECK_S = 0.05
LAST_TRY_S = 2.5
"""An attempt that began in time may take so long: the others give up before."""
UNFINISHED = "its response was not complete in time"


Again = Callable[[], "ContainerProcess | None"]
"""Finds a container's process; None while it has none."""


@dataclass(frozen=True, slots=True)
class ReadyMoment:
    """When the first attempt that succeeded had its response (CLOCK_MONOTONIC), and which it was.

    At attempt 1 the container was ready before it could be tried: it may have been so for a while.
    """

    at_ns: int
    attempt: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of one container: when it was ready, or why it is not, or what broke the attempts."""

    item: ContainerProcess
    ready: ReadyMoment | None = None
    why_not: str = ""
    error: BaseException | None = None


class ReadyWatch:
    """Watches any number of containers; `begin` each once it runs, then `wait` for all.

    How long one took does not depend on when the others are started, so its moment is exact but for
    the pause between attempts: 1/64 of the time since its order, at least 4 ms (20 ms where its log
    is read, 100 ms where a command is run in it) and at most 250 ms.  That makes a time to start
    up to 1.6% too long, alike in both arms, and cannot resolve what happens before Docker's call to
    start it has returned.
    """

    def __init__(
        self, client: DockerClient, ready: Ready, port: int, attempt: Try | None = None
    ) -> None:
        """``port`` is the one inside the container; ``attempt`` is made in place of ``ready``'s."""
        self._client = client
        self._ready = ready
        self._port = ready.port or port
        self._attempt = attempt or make_attempt(client, ready, port)
        self._least_pause_s = least_pause_s(ready)
        self._outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._begun: dict[str, tuple[ContainerProcess, int]] = {}

    def begin(self, item: ContainerProcess, ordered_ns: int, again: Again | None = None) -> None:
        """Tries a container that was just started, which was ordered at ``ordered_ns``.

        ``again`` finds its process once more, where Docker starts it anew when it ends.
        """
        self._begun[item.container_id] = item, time.monotonic_ns()
        args = (item, ordered_ns, again)
        threading.Thread(
            target=self._try, args=args, name=f"ready {item.name}", daemon=True
        ).start()

    def wait(self, check_alive: Callable[[], None]) -> dict[str, ReadyMoment]:
        """By container id, when each that was begun became ready; returns once all have.

        Raises `InvalidMeasurement` (SERVICE_NOT_READY) with the last log lines where one has not
        ``ready.timeout_s`` after its start, and at once whatever ``check_alive`` raises.
        """
        found: dict[str, ReadyMoment] = {}
        try:
            while True:
                check_alive()
                if len(found) == len(self._begun):
                    return found
                try:
                    outcome = self._outcomes.get(timeout=CHECK_S)
                except queue.Empty:
                    self._check_late(found)
                    continue
                if outcome.ready is None:
                    check_alive()  # a container that died says more than what it did not respond
                    raise outcome.error or self._not_ready(outcome)
                found[outcome.item.container_id] = outcome.ready
        finally:
            self.end()

    def _check_late(self, found: Collection[str]) -> None:
        """Raises for one whose attempt goes on for ever, as a response of a byte a second does."""
        now_ns = time.monotonic_ns()
        for item, begun_ns in self._begun.values():
            if item.container_id not in found and self._is_late(now_ns - begun_ns, LAST_TRY_S):
                raise self._not_ready(_Outcome(item, why_not=UNFINISHED))

    def _is_late(self, since_ns: int, more_s: float = 0.0) -> bool:
        return since_ns > 1e9 * (self._ready.timeout_s + more_s)

    def end(self) -> None:
        """No further attempts; one that is under way may last for some seconds, unheeded."""
        self._ended.set()

    def _try(self, item: ContainerProcess, ordered_ns: int, again: Again | None) -> None:
        try:
            self._outcomes.put(self._tried(item, ordered_ns, again))
        except BaseException as error:
            self._outcomes.put(_Outcome(item, error=error))

    def _tried(
        self, item: ContainerProcess, ordered_ns: int, again: Again | None = None
    ) -> _Outcome:
        begun_ns = time.monotonic_ns()
        for number in range(1, 1 << 62):
            why_not = self._attempt(item)
            now_ns = time.monotonic_ns()
            if again is not None and not item.is_alive():
                why_not = why_not or "it ended again"
                item = again() or item
            late = self._is_late(now_ns - begun_ns)
            if not why_not and not late:
                log.info("%s ready after %.3f s", item.name, (now_ns - ordered_ns) / 1e9)
                return _Outcome(item, ReadyMoment(now_ns, number))
            if late:
                why_not = why_not or UNFINISHED
                break
            since_s = (now_ns - ordered_ns) / 1e9
            pause_s = min(MAX_PAUSE_S, max(self._least_pause_s, PAUSE_SHARE * since_s))
            if self._ended.wait(pause_s):
                break
        return _Outcome(item, why_not=why_not)

    def _not_ready(self, outcome: _Outcome) -> InvalidMeasurement:
        item, timeout_s = outcome.item, self._ready.timeout_s
        hint = listening_hint(item, self._port)
        return InvalidMeasurement(
            Reason.SERVICE_NOT_READY,
            f"container {item.name} was not ready within {timeout_s:g} s: {outcome.why_not}"
            f"{hint.found}",
            remedy=hint.remedy,
        ).with_log(tail(self._client, item.container_id))
