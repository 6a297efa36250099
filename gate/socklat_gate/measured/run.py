"""A run: one arm (one container) measured once.

All durations are integer nanoseconds of the kernel's monotonic clock.  Reading and writing what is
measured is `documents.codec`'s work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.attribution import COMPONENTS
from socklat_gate.measured.histogram import Histogram

__all__ = [
    "ERROR_KINDS",
    "WEIGHT_UNIT",
    "Answers",
    "Bands",
    "ErrorKind",
    "LoadCounts",
    "Run",
    "Spike",
    "StallCorrected",
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

WEIGHT_UNIT = 1000
"""Counts of a corrected histogram that one exchange of weight 1 makes."""

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back to the driver in the measured window.

    ``statuses`` counts responses by status: "200" for HTTP; for a protocol without statuses "", and
    "-" for its error replies.  ``sizes`` is the distribution of the responses' payload bytes, head
    included.  ``errors`` counts failed requests by `ErrorKind`.  Connections count from the first
    on, warm-up included: ``opened`` ones, and ``lost`` ones, which the service ended while the
    driver wanted to keep them.  ``source``: the built-in driver, what the kernel read of the
    responses' first bytes, or an external tool's own summary.
    """

    statuses: Mapping[str, int]
    sizes: Histogram
    errors: Mapping[str, int]
    opened: int
    lost: int
    source: Literal["driver", "kernel", "tool"] = "driver"

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
        statuses, errors = Counter[str](), Counter[str]()
        for part in every:
            statuses.update(part.statuses)
            errors.update(part.errors)
        return cls(
            statuses=dict(statuses),
            sizes=Histogram.merged(part.sizes for part in every),
            errors=dict(errors),
            opened=sum(part.opened for part in every),
            lost=sum(part.lost for part in every),
            source=every[0].source,
        )


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
    `load.checks`.
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


@dataclass(frozen=True, slots=True)
class Bands:
    """Exact stage sums per coarse band of ``response`` latency, as the kernel kept them.

    Runs measured before there was that stage have bands of ``service``, and no sum of ``response``.

    A stage that was not measured in an exchange adds nothing to its band's sum.

    ``count`` has shape (BANDS,), ``sums_ns`` shape (BANDS, stages) with the stages in the order of
    ``stages``; band edges are `measured.histogram.band_edges_ns`.
    """

    stages: tuple[str, ...]
    count: U64
    sums_ns: U64


@dataclass(frozen=True, slots=True)
class Spike:
    """One slow exchange: when its request arrived (CLOCK_MONOTONIC), its stages, its peer.

    ``shared``: the other arm had one like it at the same moment (`stalls.shared`).
    """

    rx_first_ns: int
    stages_ns: Mapping[str, int]
    peer: str
    cpu: int
    overlapped: bool = False
    shared: bool = False

    @property
    def length_ns(self) -> int:
        """How long the exchange took: its ``response``, in older runs its ``service``."""
        return self.stages_ns.get("response", self.stages_ns.get("service", 0))

    @property
    def parts_ns(self) -> dict[str, int]:
        """The stages that `length_ns` is the sum of."""
        whole = "response" in self.stages_ns
        parts = (part for part in COMPONENTS if whole or part != "respond")
        return {part: self.stages_ns.get(part, 0) for part in parts}


@dataclass(frozen=True, slots=True)
class StallCorrected:
    """The distributions as they would have been without the machine's stalls; see `stalls`.

    ``histograms`` and ``bands`` count in units of 1/`WEIGHT_UNIT` of an exchange, because each
    exchange stands for those that a stall made unusable; ``used`` has the same stages and counts
    the exchanges themselves.  ``logged`` exchanges were looked at.
    """

    histograms: Mapping[str, Histogram]
    bands: Bands
    used: Mapping[str, Histogram]
    logged: int


@dataclass(frozen=True, slots=True)
class Run:
    """One container measured once: stage histograms (ns), bands, kernel counters, load.

    ``histograms`` has the stages that were measured, and only those.  ``network`` holds what the
    container's network namespace counted meanwhile, ``drops`` packets thrown away by the kernel's
    reason, ``spikes`` exchanges of at least ``spike_threshold_ns`` (0: none was set).
    ``window_from_ns`` is when the measured window began (CLOCK_MONOTONIC; 0: not known).
    ``cpu_ns`` is the CPU time that the container used while ``cpu_exchanges`` requests came in (0:
    not known).  ``corrected`` is None when stalls were not watched.  ``companions`` has
    the distributions of ``service`` of the other containers in its stack, ``internal`` those of
    exchanges on other ports of the container's namespace, by port (stage ``internal`` is their
    sum; the ports of older documents are not known).  ``statuses`` has the recorded exchanges
    by the HTTP status of their response as the kernel saw it, "" where that is not known; it is
    empty where the kernel did not look.
    """

    image: str
    image_id: str
    histograms: Mapping[str, Histogram]
    bands: Bands
    counters: Mapping[str, int]
    load: LoadCounts
    duration_s: float
    network: Mapping[str, int] = field(default_factory=dict)
    drops: Mapping[str, int] = field(default_factory=dict)
    spikes: tuple[Spike, ...] = ()
    spike_threshold_ns: int = 0
    window_from_ns: int = 0
    cpu_ns: int = 0
    cpu_exchanges: int = 0
    corrected: StallCorrected | None = None
    companions: Mapping[str, Histogram] = field(default_factory=dict)
    internal: Mapping[str, Histogram] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
