"""What a run's record adds up to: counts and histograms of each arm and each named request."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from socklat_gate.load.merged_counts import Part, Tail
from socklat_gate.load.protocols.parser import status_text
from socklat_gate.load.request_log import FAILED, REJECTED, RESPONDED, SENT
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import (
    ERROR_KINDS,
    Answers,
    LoadCounts,
    RequestCounts,
    StreamCounts,
)

if TYPE_CHECKING:
    from socklat_gate.load.request_log import Record

__all__ = ["counts_of", "part_of"]

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def counts_of(record: Record, arm: int) -> LoadCounts:
    """What was done to ``arm`` in the window, which `end` may have cut short.

    ``responded`` includes error replies, which ``errors`` counts as well (the kernel sees an
    exchange either way); a request that failed is in ``sent`` and ``errors``.  One that never
    found a connection is only in ``planned`` and ``starved``, and in ``errors`` if none could
    be opened.  ``responded_total`` includes the replies by which extra connections were
    refused, and those to the setup: they are exchanges, but no request's.
    """
    of_arm = record.schedule.arm == arm
    measured = of_arm & record.measured
    state = np.frombuffer(record.state, dtype=np.uint8)
    due, done = (
        np.frombuffer(cast("bytes", times), dtype=np.int64)
        for times in (record.due_ns, record.done_ns)
    )
    has_response = (state == RESPONDED) | (state == REJECTED)
    was_sent = has_response | (state == SENT) | (state == FAILED)
    went_wrong = np.frombuffer(record.failed, dtype=np.uint8) > 0
    responded = measured & has_response
    rejected = responded & went_wrong
    late_ns, lag_ns = _waits(record, arm)
    return LoadCounts(
        planned=int(np.count_nonzero(measured)),
        sent=int(np.count_nonzero(measured & was_sent)),
        starved=int(np.count_nonzero(np.frombuffer(record.starved, dtype=np.uint8)[measured])),
        responded=int(np.count_nonzero(responded)),
        errors=int(np.count_nonzero(measured & went_wrong)) + record.strays[arm],
        responded_total=int(np.count_nonzero(of_arm & has_response))
        + record.refusals[arm]
        + record.setup_responses[arm],
        late_p99_ns=_p99(late_ns),
        lag_p99_ns=_p99(lag_ns),
        client=Histogram.of((done - due)[responded]),
        first_error=record.first_error(arm),
        grown=record.grown[arm],
        answers=replace(
            _answers(record, measured, responded, record.strays[arm]),
            opened=record.opened[arm],
            lost=record.lost[arm],
            tls=dict(record.negotiated[arm]),
        ),
        no_response_total=int(np.count_nonzero(of_arm & was_sent & ~has_response))
        + record.strays[arm],
        requests={
            name: _part(record, measured & (record.schedule.kind == kind), was_sent, responded)
            for kind, name in enumerate(record.names)
            if name
        },
        streams=_streams(record, arm),
        handshakes=Histogram.of(_handshakes(record, arm)) if record.handshakes_ns[arm] else None,
        rejected=Histogram.of((done - due)[rejected]) if rejected.any() else None,
        setup_ns=record.setup_ns[arm],
    )


def _streams(record: Record, arm: int) -> StreamCounts | None:
    if record.streams == 1:
        return None
    return StreamCounts(record.streams, record.allowed[arm], record.most_in_flight[arm])


def part_of(record: Record, arm: int, of_all: int) -> Part:
    """The same of one worker's share of ``arm``, which all workers send ``of_all`` requests."""
    late, lag = (Tail.of(values_ns, of_all) for values_ns in _waits(record, arm))
    return Part(counts_of(record, arm), late, lag, record.first_is_warmup(arm))


def _waits(record: Record, arm: int) -> tuple[I64, I64]:
    """By how much the driver was late itself, and each request of the window with it."""
    # When the driver turned to each request; connecting for it alone comes after that.
    begun_ns = record.sent_ns if record.dialed_ns is None else record.dialed_ns
    due, woke, begun = (
        np.frombuffer(cast("bytes", times), dtype=np.int64)
        for times in (record.due_ns, record.woke_ns, begun_ns)
    )
    measured = (record.schedule.arm == arm) & record.measured
    state = np.frombuffer(record.state, dtype=np.uint8)
    was_sent = np.isin(state, (SENT, RESPONDED, REJECTED, FAILED))
    return (woke - due)[measured & (woke > 0)], (begun - due)[measured & was_sent]


def _handshakes(record: Record, arm: int) -> I64:
    return np.frombuffer(cast("bytes", record.handshakes_ns[arm]), dtype=np.int64)


def _part(record: Record, of_kind: Mask, was_sent: Mask, responded: Mask) -> RequestCounts:
    """That of the measured requests ``of_kind``."""
    responded = of_kind & responded
    due, done = (
        np.frombuffer(cast("bytes", times), dtype=np.int64)
        for times in (record.due_ns, record.done_ns)
    )
    failed = np.frombuffer(record.failed, dtype=np.uint8)
    return RequestCounts(
        planned=int(np.count_nonzero(of_kind)),
        sent=int(np.count_nonzero(of_kind & was_sent)),
        responded=int(np.count_nonzero(responded)),
        errors=int(np.count_nonzero(failed[of_kind])),
        client=Histogram.of((done - due)[responded]),
        answers=_answers(record, of_kind, responded),
    )


def _answers(record: Record, measured: Mask, responded: Mask, strays: int = 0) -> Answers:
    """What came back to the ``measured`` requests, of which ``responded`` got a response.

    It knows no connections.
    """
    status = np.frombuffer(cast("bytes", record.status), dtype=np.uint16)
    size = np.frombuffer(cast("bytes", record.size_bytes), dtype=np.uint32)
    failed = np.frombuffer(record.failed, dtype=np.uint8)[measured]
    of_kind = np.bincount(failed, minlength=len(ERROR_KINDS) + 1)[1:]
    errors = Counter(dict(zip(map(str, ERROR_KINDS), map(int, of_kind), strict=True)))
    errors["protocol"] += strays
    seen, counts = np.unique(status[responded], return_counts=True)
    return Answers(
        statuses={
            status_text(int(one)): int(count) for one, count in zip(seen, counts, strict=True)
        },
        sizes=Histogram.of(size[responded]),
        errors=dict(+errors),
        opened=0,
        lost=0,
    )


def _p99(values: I64) -> int:
    return int(np.quantile(values, 0.99, method="higher")) if values.size else 0
