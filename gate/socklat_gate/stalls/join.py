"""Which request each exchange of the kernel's log was: joined with what the driver sent.

On a connection the k-th exchange is the k-th request.  A connection is known by the driver's port,
which later connections may take again, so that time decides between them: an exchange belongs to
the last request that was sent from its port before it arrived.  That holds for a driver with one
request in flight on a connection, however many records are missing: the warm-up's, those of a
sampled log, lost ones, requests that no exchange came of.  Where kernel and driver count the
exchanges of a connection differently, the ordinals of both say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.records import Records
from socklat_gate.measured.run import Join, Mismatch
from socklat_gate.stalls.timeline import I64

__all__ = ["EDGE_NS", "NO_REQUEST", "Joined", "join_requests", "kinds_at"]

NO_REQUEST = -1
"""Kind of an exchange that is no request of the driver's, or not surely one."""

MAX_MISMATCHES = 5
"""Connections that a run names; all are counted."""

EDGE_NS = 10_000_000
"""A request sent so shortly before the window's end may have arrived after it."""

TIME_BITS = 47
"""Of a port and a time in one integer: 39 hours, beyond every run."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """The exchanges of one arm and their requests.

    ``kind`` has an index of the scenario's requests for each exchange, or `NO_REQUEST`: by time.
    ``miscounted`` exchanges are not the request that their connection's counts make them.
    ``requests`` were sent in the window by kind, ``unseen`` of them have no exchange in the log
    (None: the log is a sample, so that this says nothing), most of those on the connections
    ``lacking``.
    """

    kind: I64
    join: Join
    miscounted: int
    requests: tuple[int, ...]
    unseen: tuple[int, ...] | None
    lacking: tuple[Mismatch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Sent:
    """Requests by port and time; ``connection`` numbers the connections, from 0."""

    rows: Records
    key: I64
    connection: I64
    base_ns: int

    @classmethod
    def of(cls, rows: Records, base_ns: int) -> _Sent:
        key = _key(rows["port"], rows["sent_ns"], base_ns)
        order = np.argsort(key, kind="stable")
        rows = rows[order]
        begins = rows["ordinal"] == 1
        begins[1:] |= rows["port"][1:] != rows["port"][:-1]
        return cls(rows, key[order], np.cumsum(begins) - 1, base_ns)

    def last_before(self, port: npt.NDArray[np.uint16], at_ns: I64) -> I64:
        """Index of the last request sent from each port by then; -1 where there is none."""
        at = np.searchsorted(self.key, _key(port, at_ns, self.base_ns), side="right") - 1
        known = at >= 0
        known[known] = self.rows["port"][at[known]] == port[known]
        return np.asarray(np.where(known, at, -1))


def join_requests(
    exchanges: Records,
    sent: Records,
    from_ns: int,
    to_ns: int,
    kinds: int,
    *,
    sampled: bool = False,
) -> Joined:
    """Joins an arm's `EXCHANGE` records with its `SENT` rows, both in any order.

    Exchanges are those that arrived in the window [from, to) of CLOCK_MONOTONIC, all of them unless
    they are ``sampled``; requests are all that the driver sent, the warm-up included, of so many
    ``kinds``.
    """
    arrived_ns = exchanges["rx_first_ns"].astype(np.int64)
    table = _Sent.of(sent, _earliest(arrived_ns, sent["sent_ns"]))
    request = table.last_before(exchanges["peer_port"], arrived_ns)
    known = np.flatnonzero(request >= 0)
    counted = np.zeros(exchanges.size, dtype=bool)
    counted[known] = exchanges["ordinal"][known] == table.rows["ordinal"][request[known]]
    own = _first_of_each(request, arrived_ns, counted)
    kind = np.full(exchanges.size, NO_REQUEST, dtype=np.int64)
    kind[own] = table.rows["kind"][request[own]]
    # A second exchange in a request's place is miscounted as well, whatever its ordinal.
    wrong = np.setdiff1d(known, own[counted[own]])
    inside = (table.rows["sent_ns"] >= from_ns) & (table.rows["sent_ns"] < to_ns - EDGE_NS)
    without = inside.copy()
    without[request[own]] = False
    join = Join(
        logged=int(exchanges.size),
        joined=int(own.size),
        connections=int(np.unique(table.connection[request[known]]).size),
        mismatched=int(np.unique(table.connection[request[wrong]]).size),
        mismatches=_mismatches(table, exchanges, request, wrong),
    )
    return Joined(
        kind,
        join,
        miscounted=int(wrong.size),
        requests=_by_kind(table.rows[inside], kinds),
        unseen=None if sampled else _by_kind(table.rows[without], kinds),
        lacking=() if sampled else _lacking(table, inside, without),
    )


def kinds_at(sent: Records, ports: npt.NDArray[np.uint16], arrived_ns: I64) -> I64:
    """Kinds of what arrived from these ports at these times; `NO_REQUEST` where nothing was sent.

    For exchanges that may not be in the log; ``sent`` are an arm's `SENT` rows.
    """
    table = _Sent.of(sent, _earliest(arrived_ns, sent["sent_ns"]))
    request = table.last_before(ports, arrived_ns)
    kind = np.full(ports.size, NO_REQUEST, dtype=np.int64)
    kind[request >= 0] = table.rows["kind"][request[request >= 0]]
    return kind


def _first_of_each(request: I64, arrived_ns: I64, counted: Mask) -> I64:
    """The exchange of each request: the first one with its ordinal, else the first one."""
    order = np.lexsort((arrived_ns, ~counted, request))
    begins, first = np.unique(request[order], return_index=True)
    return np.asarray(order[first[begins >= 0]])


def _by_kind(rows: Records, kinds: int) -> tuple[int, ...]:
    return tuple(np.bincount(rows["kind"], minlength=kinds).tolist())


def _lacking(table: _Sent, inside: Mask, without: Mask) -> tuple[Mismatch, ...]:
    """The connections on which most requests have no exchange."""
    lacking = np.bincount(table.connection[without])
    most = np.argsort(-lacking, kind="stable")[:MAX_MISMATCHES]
    sent = np.bincount(table.connection[inside], minlength=lacking.size)
    ports = table.rows["port"][np.searchsorted(table.connection, most)]
    return tuple(
        Mismatch(int(port), int(sent[one] - lacking[one]), int(sent[one]))
        for one, port in zip(most, ports, strict=True)
        if lacking[one]
    )


def _mismatches(table: _Sent, exchanges: Records, request: I64, wrong: I64) -> tuple[Mismatch, ...]:
    """The first connections that count differently, each at its last such exchange."""
    order = wrong[np.argsort(exchanges["rx_first_ns"][wrong], kind="stable")]
    last = {int(table.connection[request[one]]): one for one in order}
    return tuple(
        Mismatch(
            int(exchanges["peer_port"][one]),
            int(exchanges["ordinal"][one]),
            int(table.rows["ordinal"][request[one]]),
        )
        for one in list(last.values())[:MAX_MISMATCHES]
    )


def _earliest(*times_ns: I64) -> int:
    return min((int(one.min()) for one in times_ns if one.size), default=0)


def _key(port: npt.NDArray[np.uint16], at_ns: I64, base_ns: int) -> I64:
    elapsed_ns = np.clip(at_ns - base_ns, 0, (1 << TIME_BITS) - 1)
    return np.asarray(port.astype(np.int64) << TIME_BITS | elapsed_ns)
