"""The named requests of a run: the log joined with what the driver sent, and what each took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from socklat_gate.load.load_driver import Window
from socklat_gate.measured.records import Records
from socklat_gate.measured.run import RequestStages, Run, Spike
from socklat_gate.probe.traffic import Traffic
from socklat_gate.scenario import Load
from socklat_gate.stalls.correction import Named, StallCorrection, raw_stages
from socklat_gate.stalls.join import Joined, join_requests, kinds_at

__all__ = ["NamedRequests", "request_shares", "traffic_of"]


def request_shares(load: Load) -> dict[str, float]:
    """Share of each named request in what is sent; empty where none has a name."""
    if load.driver == "command":
        return {}
    requests = [request for request in load.requests if request.name]
    total = sum(request.weight for request in requests)
    return {request.name: request.weight / total for request in requests}


def traffic_of(load: Load) -> Traffic:
    """What the probe is told of a load."""
    marked = load.marks_control
    return Traffic(
        one_outstanding=load.driver != "command" and load.streams == 1,
        http=load.driver != "tcp" and not marked,
        named=load.streams == 1 and bool(request_shares(load)),
        marked=marked,
    )


@dataclass(frozen=True, slots=True, eq=False)
class NamedRequests:
    """``joined`` and the rows ``sent`` by arm, ``shares`` by name in the order of the scenario."""

    shares: Mapping[str, float]
    logged: Sequence[Records]
    sent: Sequence[Records]
    joined: tuple[Joined, ...]

    @classmethod
    def of(
        cls,
        shares: Mapping[str, float],
        logged: Sequence[Records],
        sent: Records,
        window: Window,
        *,
        sampled: bool,
    ) -> NamedRequests:
        """``logged`` exchanges by arm, ``sent`` rows of all arms; see `join_requests`."""
        parts = [sent[sent["arm"] == arm] for arm in range(len(logged))]
        joined = tuple(
            join_requests(records, rows, window.from_ns, window.to_ns, len(shares), sampled=sampled)
            for records, rows in zip(logged, parts, strict=True)
        )
        return cls(shares, logged, parts, joined)

    def for_correction(self) -> Named:
        """What `stalls.correction` wants to know of them."""
        shares = np.array([*self.shares.values()])
        return Named([joined.kind for joined in self.joined], shares)

    def add_to(self, run: Run, arm: int, correction: StallCorrection, stages: Sequence[str]) -> Run:
        """The run of an arm with its named requests, and with the names of its spikes."""
        kind, records = self.joined[arm].kind, self.logged[arm]
        spikes = self._with_names(run.spikes, arm)
        requests = {}
        for index, (name, weight) in enumerate(self.shares.items()):
            own = records[kind == index]
            histograms, bands = raw_stages(own, stages)
            requests[name] = RequestStages(
                weight=weight,
                exchanges=int(own.size),
                histograms=histograms,
                corrected=correction.named[arm][index],
                spikes=sum(spike.request == name for spike in spikes),
                bands=bands,
            )
        return replace(run, requests=requests, join=self.joined[arm].join, spikes=spikes)

    def _with_names(self, spikes: Sequence[Spike], arm: int) -> tuple[Spike, ...]:
        ports = np.array([_port(spike.peer) for spike in spikes], dtype=np.uint16)
        arrived_ns: npt.NDArray[np.int64] = np.array(
            [spike.rx_first_ns for spike in spikes], dtype=np.int64
        )
        names = [*self.shares, ""]  # NO_REQUEST is the last one
        kinds = kinds_at(self.sent[arm], ports, arrived_ns)
        return tuple(
            replace(spike, request=names[kind]) for spike, kind in zip(spikes, kinds, strict=True)
        )


def _port(peer: str) -> int:
    return int(peer.rpartition(":")[2])
