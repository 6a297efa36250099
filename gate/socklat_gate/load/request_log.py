"""What became of every request of a run, in arrays made before the load starts."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import cast

import numpy as np
import numpy.typing as npt

from socklat_gate.load.schedule import Schedule
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import LoadCounts

__all__ = ["EXPIRED", "FAILED", "REJECTED", "RESPONDED", "SENT", "WAITING", "Record"]

# States of a request.
WAITING = 0  # not due yet, or due and no connection free
SENT = 1
RESPONDED = 2
REJECTED = 3  # responded, by an error reply
FAILED = 4  # sent, and no response will come
EXPIRED = 5  # never sent: no connection was free for too long

MAX_ERROR_TEXT = 200

I64 = npt.NDArray[np.int64]


class Record:
    """Times (ns, CLOCK_MONOTONIC) and states by request, written by index while the load runs.

    ``due_ns``, ``woke_ns`` (the driver handled the request), ``sent_ns`` and ``done_ns`` (last
    byte of the response) are 0 until they happen.
    """

    def __init__(self, schedule: Schedule, arms: int) -> None:
        self._schedule = schedule
        self._measured = schedule.measured
        n = schedule.offsets_ns.size
        self.size = n
        self.due_ns = array("q", schedule.offsets_ns.tobytes())
        self.woke_ns = array("q", bytes(8 * n))
        self.sent_ns = array("q", bytes(8 * n))
        self.done_ns = array("q", bytes(8 * n))
        self.state = bytearray(n)
        self.starved = bytearray(n)
        self.arm = schedule.arm.tobytes()
        self.sent = 0
        self.responded = 0
        self._first_error = [""] * arms
        self._first_is_warmup = [False] * arms
        self._first_measured = int(np.count_nonzero(~self._measured))
        self._strays = [0] * arms
        self._refusals = [0] * arms
        self.grown = [0] * arms

    def begin(self, start_ns: int) -> None:
        """The load starts at ``start_ns``: the schedule's offsets become due times."""
        self.due_ns = array("q", (self._schedule.offsets_ns + start_ns).tobytes())

    def end(self, end_ns: int) -> int:
        """Requests due at ``end_ns`` or later are not of the window; the first of them."""
        first = bisect_left(self.due_ns, end_ns)
        self._measured[first:] = False
        return first

    def response(self, request: int, now_ns: int) -> None:
        """``request`` got a response that reports no error."""
        self.done_ns[request] = now_ns
        self.state[request] = RESPONDED
        self.responded += 1

    def rejection(self, request: int, now_ns: int, text: str) -> None:
        """``request`` got an error reply."""
        self.response(request, now_ns)
        self.state[request] = REJECTED
        self._note(self.arm[request], text, warmup=request < self._first_measured)

    def failure(self, request: int, text: str) -> None:
        """``request`` was sent and gets no response."""
        self.state[request] = FAILED
        self._note(self.arm[request], text, warmup=request < self._first_measured)

    def requeue(self, request: int) -> None:
        """``request`` waits again: the service did not take the connection that it was sent to."""
        self.state[request] = WAITING
        self.sent -= 1

    def refusal(self, arm: int) -> None:
        """The service replied that it takes no more connections."""
        self._refusals[arm] += 1

    def stray(self, arm: int, text: str) -> None:
        """A response came without a request: the framing is wrong."""
        self._strays[arm] += 1
        self._note(arm, text, warmup=False)

    def _note(self, arm: int, text: str, *, warmup: bool) -> None:
        if not self._first_error[arm] or (self._first_is_warmup[arm] and not warmup):
            self._first_error[arm] = text[:MAX_ERROR_TEXT]
            self._first_is_warmup[arm] = warmup

    def counts(self, arm: int) -> LoadCounts:
        """What was done to ``arm`` in the window, which `end` may have cut short.

        ``responded`` includes error replies, which ``errors`` counts as well (the kernel sees an
        exchange either way); a request that failed is in ``sent`` and ``errors``, one that never
        found a connection only in ``planned`` and ``starved``.  ``responded_total`` includes the
        replies by which extra connections were refused: they are exchanges, but no request's.
        """
        of_arm = self._schedule.arm == arm
        measured = of_arm & self._measured
        state = np.frombuffer(self.state, dtype=np.uint8)
        due, woke, sent, done = (
            np.frombuffer(cast("bytes", times), dtype=np.int64)
            for times in (self.due_ns, self.woke_ns, self.sent_ns, self.done_ns)
        )
        has_response = (state == RESPONDED) | (state == REJECTED)
        was_sent = has_response | (state == SENT) | (state == FAILED)
        went_wrong = (state == REJECTED) | (state == FAILED) | (state == SENT)
        responded = measured & has_response
        handled = measured & (woke > 0)
        left = measured & was_sent
        return LoadCounts(
            planned=int(np.count_nonzero(measured)),
            sent=int(np.count_nonzero(left)),
            starved=int(np.count_nonzero(np.frombuffer(self.starved, dtype=np.uint8)[measured])),
            responded=int(np.count_nonzero(responded)),
            errors=int(np.count_nonzero(measured & went_wrong)) + self._strays[arm],
            responded_total=int(np.count_nonzero(of_arm & has_response)) + self._refusals[arm],
            late_p99_ns=_p99((woke - due)[handled]),
            lag_p99_ns=_p99((sent - due)[left]),
            client=Histogram.of((done - due)[responded]),
            first_error=self._first_error[arm],
            grown=self.grown[arm],
        )


def _p99(values: I64) -> int:
    return int(np.quantile(values, 0.99, method="higher")) if values.size else 0
