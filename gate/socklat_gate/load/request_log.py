"""What became of every request of a run, in arrays made before the load starts."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import cast

import numpy as np

from socklat_gate.load.schedule import Schedule
from socklat_gate.load.sent_log import SentLog
from socklat_gate.masking import mask_cut
from socklat_gate.measured.load_counts import ERROR_KINDS, ErrorKind
from socklat_gate.measured.records import CALL, Records

__all__ = [
    "EXPIRED",
    "FAILED",
    "MAX_ERROR_TEXT",
    "REJECTED",
    "RESPONDED",
    "SENT",
    "WAITING",
    "Record",
]

# States of a request.
WAITING = 0  # not due yet, or due and no connection free
SENT = 1
RESPONDED = 2
REJECTED = 3  # responded, by an error reply
FAILED = 4  # sent, and no response will come
EXPIRED = 5  # never sent: no connection was free for too long

MAX_ERROR_TEXT = 200
MAX_SIZE = (1 << 32) - 1

KIND_NUMBERS = {kind: number for number, kind in enumerate(ERROR_KINDS, 1)}


class Record:
    """Times (ns, CLOCK_MONOTONIC) and states by request, written by index while the load runs.

    ``due_ns``, ``woke_ns`` (the driver handled the request), ``sent_ns`` and ``done_ns`` (last
    byte of the response) are 0 until they happen, and so are ``status`` and ``size`` (bytes) of the
    response and ``failed``, the number of its `ErrorKind`.  ``opened`` and ``lost`` count the
    connections of each arm, ``setup_responses`` what came before the load.  ``names`` are those of
    the schedule's kinds; where they have some, there is a ``sent_log``.  ``dialed_ns`` is when the
    connection for a request was begun, where each has its own (``fresh``).  ``measured`` is which
    requests are of the window, as far as `end` has not cut it short; ``strays``, ``refusals`` and
    ``handshakes_ns``, ``negotiated`` and ``setup_ns`` are by arm.
    With more than one of ``streams`` on a connection,
    ``most_in_flight`` were on one at once, of those ``allowed`` by the service too, by arm.
    """

    def __init__(
        self,
        schedule: Schedule,
        arms: int,
        names: Sequence[str] = ("",),
        *,
        fresh: bool = False,
        streams: int = 1,
    ) -> None:
        self.schedule = schedule
        self.measured = schedule.measured
        n = schedule.offsets_ns.size
        self.size = n
        self.due_ns = array("q", schedule.offsets_ns.tobytes())
        self.woke_ns = array("q", bytes(8 * n))
        self.sent_ns = array("q", bytes(8 * n))
        self.done_ns = array("q", bytes(8 * n))
        self.dialed_ns = array("q", bytes(8 * n)) if fresh else None
        self.state = bytearray(n)
        self.starved = bytearray(n)
        self.status = array("H", bytes(2 * n))
        self.size_bytes = array("I", bytes(4 * n))
        self.failed = bytearray(n)
        self.arm = schedule.arm.tobytes()
        self.names = names
        self.sent_log = SentLog(schedule) if any(names) and streams == 1 else None
        self.streams = streams
        self.most_in_flight = [0] * arms
        self.allowed = [streams] * arms
        self.sent = 0
        self.responded = 0
        self._first_error = [""] * arms
        self._first_is_warmup = [False] * arms
        self._first_measured = int(np.count_nonzero(~self.measured))
        self.strays = [0] * arms
        self.refusals = [0] * arms
        self.grown = [0] * arms
        self.opened = [0] * arms
        self.lost = [0] * arms
        self.handshakes_ns: list[array[int]] = [array("q") for _ in range(arms)]
        self.negotiated = [Counter[str]() for _ in range(arms)]
        self.setup_responses = [0] * arms
        self.setup_ns: list[dict[str, int]] = [{} for _ in range(arms)]

    def first_error(self, arm: int) -> str:
        """The text of the first that failed in the window, else in the warm-up; "" of none."""
        return self._first_error[arm]

    def first_is_warmup(self, arm: int) -> bool:
        """Whether that one is of the warm-up."""
        return self._first_is_warmup[arm]

    def name_of(self, request: int) -> str:
        """The name of its kind; "" where it has none."""
        return self.names[int(self.schedule.kind[request])]

    def begin(self, start_ns: int) -> None:
        """The load starts at ``start_ns``: the schedule's offsets become due times."""
        self.due_ns = array("q", (self.schedule.offsets_ns + start_ns).tobytes())

    def end(self, end_ns: int) -> int:
        """Requests due at ``end_ns`` or later are not of the window; the first of them."""
        first = bisect_left(self.due_ns, end_ns)
        self.measured[first:] = False
        return first

    def response(self, request: int, now_ns: int, status: int, size: int) -> None:
        """``request`` got a response."""
        self.done_ns[request] = now_ns
        self.state[request] = RESPONDED
        self.status[request] = status
        self.size_bytes[request] = size if size < MAX_SIZE else MAX_SIZE
        self.responded += 1

    def rejection(self, request: int, kind: ErrorKind, text: str) -> None:
        """The response to ``request`` reports an error, or is not what is expected."""
        self.state[request] = REJECTED
        self._fail(request, kind, text)

    def failure(self, request: int, kind: ErrorKind, text: str) -> None:
        """``request`` was sent and gets no response."""
        self.state[request] = FAILED
        self._fail(request, kind, text)

    def expiry(self, request: int, *, refused: bool) -> None:
        """``request`` was never sent: no connection came free; ``refused``: nor could be opened."""
        self.state[request] = EXPIRED
        if refused:
            self._fail(request, "refused", "connection refused")

    def unsent(self, request: int, kind: ErrorKind, text: str) -> None:
        """``request`` was never sent, since the connection for it could not be opened."""
        self.state[request] = EXPIRED
        self._fail(request, kind, text)

    def _fail(self, request: int, kind: ErrorKind, text: str) -> None:
        self.failed[request] = KIND_NUMBERS[kind]
        self._note(self.arm[request], text, warmup=request < self._first_measured)

    def requeue(self, request: int) -> None:
        """``request`` waits again: the service did not take the connection that it was sent to."""
        self.state[request] = WAITING
        self.sent -= 1
        if self.sent_log is not None:
            self.sent_log.requeue(request, self.sent_ns[request])

    def handshake(self, arm: int, took_ns: int, negotiated: str) -> None:
        """A TLS handshake was complete ``took_ns`` after the connection's first byte."""
        self.handshakes_ns[arm].append(took_ns)
        self.negotiated[arm][negotiated] += 1

    def streams_allowed(self, arm: int, limit: int) -> None:
        """The service lets ``limit`` requests be in flight on a connection."""
        self.allowed[arm] = min(self.allowed[arm], limit)

    def calls(self) -> Records:
        """Rows of `measured.records.CALL`: one for each request of the schedule."""
        rows = np.zeros(self.size, dtype=CALL)
        for name in ("due_ns", "sent_ns", "done_ns"):
            rows[name] = np.frombuffer(cast("bytes", getattr(self, name)), dtype=np.int64)
        rows["kind"], rows["arm"] = self.schedule.kind, self.schedule.arm
        return rows

    def refusal(self, arm: int) -> None:
        """The service replied that it takes no more connections."""
        self.refusals[arm] += 1

    def stray(self, arm: int, text: str) -> None:
        """A response came without a request: the framing is wrong."""
        self.strays[arm] += 1
        self._note(arm, text, warmup=False)

    def _note(self, arm: int, text: str, *, warmup: bool) -> None:
        if not self._first_error[arm] or (self._first_is_warmup[arm] and not warmup):
            self._first_error[arm] = mask_cut(text)[:MAX_ERROR_TEXT]
            self._first_is_warmup[arm] = warmup
