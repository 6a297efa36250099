"""All workers of a load, as the gate speaks with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from socklat_gate.load.load_driver import POLL_EVERY_S, Poll
from socklat_gate.load.worker_client import Worker

__all__ = ["Message", "WorkerGroup"]

LEAST_S = 0.001
"""A wait that ends at once would not let the time of the next poll come."""

Message = tuple[int, dict[str, Any]]
"""Index of the worker that sent it, and what it sent."""


class WorkerGroup:
    """From `begin` to `close`; an error of any worker is one of the whole.

    ``now_ns`` is CLOCK_MONOTONIC, or that of a test.  ``deadline_s``, in its seconds, is when the
    next message must have come.
    """

    def __init__(self, workers: Sequence[Worker], now_ns: Callable[[], int]) -> None:
        self._workers = tuple(workers)
        self._now_ns = now_ns
        self._awaited: deque[int] = deque()
        self._polled_s = 0.0
        self.deadline_s = 0.0

    def __len__(self) -> int:
        return len(self._workers)

    def pids(self) -> tuple[int, ...]:
        """Their processes, once they were started."""
        return tuple(worker.pid for worker in self._workers if worker.pid is not None)

    def begin(self, descriptors: Sequence[int]) -> None:
        """Start all of them, with a descriptor of its own for each, or none at all."""
        for at, worker in enumerate(self._workers):
            worker.begin(descriptors[at : at + 1])

    def send(self, at: int, **message: object) -> None:
        """Send one message to the worker with this index."""
        self._workers[at].send(**message)

    def send_all(self, **message: object) -> None:
        """Send one message to all of them."""
        for worker in self._workers:
            worker.send(**message)

    @property
    def awaited(self) -> bool:
        """Whether more has to come of any worker."""
        return bool(self._awaited)

    def expect(self, workers: Iterable[int] | None = None) -> None:
        """Messages have to come of these workers, by default of all, until each has `finished`."""
        self._awaited.extend(range(len(self._workers)) if workers is None else workers)

    def finished(self, at: int) -> None:
        """Nothing more has to come of this worker for now."""
        self._awaited.remove(at)

    def receive(self, poll: Poll | None = None) -> Message:
        """The next message of a worker of which some are expected.

        ``poll`` is called every `POLL_EVERY_S` meanwhile.  Raises `InvalidMeasurement`
        (LOAD_DRIVER_FAILED) for one that has ended, or when nothing comes until the deadline.
        """
        while True:
            now_s = self._now_ns() / 1e9
            if poll is not None and now_s - self._polled_s >= POLL_EVERY_S:
                self._polled_s = now_s
                poll()
            if now_s > self.deadline_s:
                raise self._workers[self._awaited[0]].failure("did not finish in time")
            left_s = POLL_EVERY_S if poll is None else self._polled_s + POLL_EVERY_S - now_s
            # In turn, so that the end of any is soon seen whatever the others do.
            for _ in range(len(self._awaited)):
                at = self._awaited[0]
                self._awaited.rotate(-1)
                event = self._workers[at].receive(max(LEAST_S, left_s) / len(self._awaited))
                if event is not None:
                    return at, event

    def receive_now(self) -> Message | None:
        """A message that has come already, of any worker of which some are expected.

        Raises `InvalidMeasurement` (LOAD_DRIVER_FAILED) for one that has ended.
        """
        for at in tuple(self._awaited):
            event = self._workers[at].receive(0.0)
            if event is not None:
                return at, event
        return None

    def close(self) -> None:
        """End all of them."""
        with ExitStack() as stack:
            for worker in self._workers:
                stack.callback(worker.close)
            # All at once, so that the slow ones end together.
            for worker in self._workers:
                worker.terminate()
