"""A run: one arm (one container) measured once.

All durations are integer nanoseconds of the kernel's monotonic clock.  Reading and writing what is
measured is `documents.codec`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.attribution import COMPONENTS
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.names import CLIENT

__all__ = [
    "WEIGHT_UNIT",
    "Bands",
    "Join",
    "Mismatch",
    "RequestStages",
    "Run",
    "Spike",
    "StallCorrected",
]

WEIGHT_UNIT = 1000
"""Counts of a corrected histogram that one exchange of weight 1 makes."""

U64 = npt.NDArray[np.uint64]


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

    ``shared``: the other arm had one like it at the same moment (`stalls.shared`).  ``request`` is
    the name of the request that it was, "" where it has none or is not known.
    """

    rx_first_ns: int
    stages_ns: Mapping[str, int]
    peer: str
    cpu: int
    overlapped: bool = False
    shared: bool = False
    request: str = ""

    @property
    def length_ns(self) -> int:
        """How long it took: its ``response``, in older runs its ``service``; or its ``client``."""
        names = ("response", CLIENT, "service")
        return next((self.stages_ns[name] for name in names if name in self.stages_ns), 0)

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
class RequestStages:
    """The part of a run that one named request of the scenario has, from the log of exchanges.

    ``weight`` is its share of the scenario's requests (they sum to 1 over the names), ``exchanges``
    counts those that were logged and joined; ``histograms`` are the raw stages of these,
    ``corrected`` the same without the machine's stalls (None: stalls were not watched).
    ``spikes`` of the run's were responses to this request; ``bands`` are the raw ones of its
    exchanges (None: not kept).
    """

    weight: float
    exchanges: int
    histograms: Mapping[str, Histogram]
    corrected: StallCorrected | None = None
    spikes: int = 0
    bands: Bands | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A connection on which the kernel saw other exchanges than the driver sent requests.

    ``peer_port`` is the driver's; ``seen`` exchanges against ``sent`` requests.
    """

    peer_port: int
    seen: int
    sent: int


@dataclass(frozen=True, slots=True)
class Join:
    """How the kernel's exchanges were joined with the driver's requests.

    The k-th exchange of a connection is the k-th request sent on it.  Of ``logged`` exchanges,
    ``joined`` found their request; ``connections`` were compared, those of ``mismatches`` (the
    first few of ``mismatched``) do not agree.
    """

    logged: int
    joined: int
    connections: int
    mismatched: int = 0
    mismatches: tuple[Mismatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One container measured once: stage histograms (ns), bands, kernel counters, load.

    ``histograms`` has the stages that were measured, and only those.  ``network`` holds what the
    container's network namespace counted meanwhile, ``drops`` packets thrown away by the kernel's
    reason, ``spikes`` exchanges of at least ``spike_threshold_ns`` (0: none was set).
    ``window_from_ns`` is when the measured window began (CLOCK_MONOTONIC; 0: not known).
    ``cpu_ns`` is the CPU time that the container used while ``cpu_exchanges`` requests came in (0:
    not known).  ``startup_ns`` is the time from the order to start the container until it was ready
    (0: not known, or told by an earlier run of the same container), ``peak_memory_bytes`` the most
    memory that it held until the run's end (0: not known).  ``corrected`` is None when stalls were
    not watched.  ``companions`` has the distributions of ``service`` of the other containers in its
    stack, ``internal`` those of exchanges on other ports of the container's namespace, by port
    (stage ``internal`` is their sum; the ports of older documents are not known).  ``statuses`` has
    the recorded exchanges by the HTTP status of their response as the kernel saw it, "" where that
    is not known; it is empty where the kernel did not look.  ``requests`` are the parts of named
    requests in the order of the scenario, and ``join`` is how they were found (None: none has a
    name).

    Where connections have several streams (``load.streams``), ``histograms`` and ``bands`` have
    ``client``, the load driver's clock, in place of the kernel's stages of an exchange; the
    counters of exchanges are the driver's requests then, and so are ``cpu_exchanges`` and the
    exchanges of named requests, which need no ``join``.
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
    startup_ns: int = 0
    peak_memory_bytes: int = 0
    corrected: StallCorrected | None = None
    companions: Mapping[str, Histogram] = field(default_factory=dict)
    internal: Mapping[str, Histogram] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, RequestStages] = field(default_factory=dict)
    join: Join | None = None
