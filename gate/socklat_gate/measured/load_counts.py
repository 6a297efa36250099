"""What the load did to one arm in a run, and what came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from socklat_gate.measured.histogram import Histogram

__all__ = [
    "ERROR_KINDS",
    "Answers",
    "ErrorKind",
    "LoadCounts",
    "RequestCounts",
    "StreamCounts",
]

ErrorKind = Literal[
    "timeout",
    "refused",
    "reset",
    "closed",
    "protocol",
    "bad_status",
    "unexpected_status",
    "unexpected_size",
    "unexpected_body",
]
"""How a request can fail.

No response in time (or no connection to send it on); the service refused, reset or closed the
connection; bytes that are no response; a status that reports a failure; and what `load.expect`
does not allow: another status, too few bytes, other content.
"""
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back to the driver in the measured window.

    ``statuses`` counts responses by status: "200" for HTTP; for a protocol without statuses "", and
    "-" for its error replies.  ``sizes`` is the distribution of the responses' payload bytes, head
    included.  ``errors`` counts failed requests by `ErrorKind`.  Connections count from the first
    on, warm-up included: ``opened`` ones, and ``lost`` ones, which the service ended while the
    driver wanted to keep them.  ``source``: the built-in driver, what the kernel read of the
    responses' first bytes, or an external tool's own summary.  ``tls`` counts connections by the
    version and cipher suite that were negotiated (``TLSv1.3 TLS_AES_256_GCM_SHA384``).
    """

    statuses: Mapping[str, int]
    sizes: Histogram
    errors: Mapping[str, int]
    opened: int
    lost: int
    source: Literal["driver", "kernel", "tool"] = "driver"
    tls: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Requests that failed, of whatever kind."""
        return sum(self.errors.values())

    @property
    def seen(self) -> int:
        """Requests that the kernel saw: those with a response, and those cut off before it."""
        return sum(self.statuses.values()) + self.errors.get("closed", 0)

    @classmethod
    def merged(cls, parts: Iterable[Answers]) -> Answers | None:
        """Their sum; None of none.  The source is the first one's."""
        every = tuple(parts)
        if not every:
            return None
        statuses, errors, tls = Counter[str](), Counter[str](), Counter[str]()
        for part in every:
            statuses.update(part.statuses)
            errors.update(part.errors)
            tls.update(part.tls)
        return cls(
            statuses=dict(statuses),
            sizes=Histogram.merged(part.sizes for part in every),
            errors=dict(errors),
            opened=sum(part.opened for part in every),
            lost=sum(part.lost for part in every),
            source=every[0].source,
            tls=dict(tls),
        )


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """The part of `LoadCounts` that one named request of the scenario has, with the same members.

    ``answers`` knows no connections.
    """

    planned: int
    sent: int
    responded: int
    errors: int
    client: Histogram
    answers: Answers


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """Requests in flight on one connection: ``asked`` by the scenario, ``allowed`` by the service.

    ``allowed`` is never more than ``asked``, and the least that the service allowed at any time;
    ``most`` were in flight at once.
    """

    asked: int
    allowed: int
    most: int


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """What the driver did to one arm in the measured window (warm-up excluded unless named).

    ``responded_total`` includes the warm-up: it is what the kernel's own count of exchanges is
    reconciled with.  ``late_p99_ns`` is how late the driver itself woke up (its own noise);
    ``lag_p99_ns`` is due time to actual send, waiting for a free connection included.
    ``client`` holds the times from due to the response's last byte, free of coordinated omission;
    it is empty when an external command drives the load (then ``external`` is set; ``planned`` is 0
    where it does not keep to ``load.rate``, and ``sent`` what the kernel saw).
    ``grown`` connections were opened beyond ``load.connections`` because requests found none free.
    ``answers`` is None where it is not known what came back.  ``no_response_total`` are the sent
    requests without a complete response, warm-up included, which the kernel may have counted as
    responses (None: not known).  ``overloaded``: the arm could not carry its load, by the rule of
    `load.checks`.  ``requests`` are the parts of named requests, empty where none has a name;
    ``handshakes`` the times of TLS handshakes from the connection's first byte on (None: no TLS).
    ``rejected`` are those times of ``client`` whose responses count as errors too (None: none are).
    ``setup_ns`` is how long each request of the setup took, by its name.
    ``streams`` is None where a connection has one request in flight at most; ``workers`` processes
    shared the load (1 in documents that do not say).
    """

    planned: int
    sent: int
    starved: int
    responded: int
    errors: int
    responded_total: int
    late_p99_ns: int
    lag_p99_ns: int
    client: Histogram
    external: bool = False
    first_error: str = ""
    grown: int = 0
    answers: Answers | None = None
    no_response_total: int | None = None
    overloaded: bool = False
    requests: Mapping[str, RequestCounts] = field(default_factory=dict)
    handshakes: Histogram | None = None
    rejected: Histogram | None = None
    setup_ns: Mapping[str, int] = field(default_factory=dict)
    streams: StreamCounts | None = None
    workers: int = 1
