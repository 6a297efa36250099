"""The replicas that are up: their loads, what the probe logs of them, and what is left of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from types import TracebackType

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.interrupt import defer_signals
from socklat_gate.job.fleet_check import check_recorded, enough_recorded
from socklat_gate.job.fleet_launch import started_ns
from socklat_gate.job.fleet_load import FleetLoad, light_load
from socklat_gate.job.named_requests import traffic_of
from socklat_gate.job.replica_log import ReplicaLog
from socklat_gate.job.replica_logs import ReplicaLogs
from socklat_gate.job.replica_stops import SETTLED_NS
from socklat_gate.job.replica_unseen import unseen_of
from socklat_gate.job.stop_counters import StopCounters
from socklat_gate.job.unwell import check_well
from socklat_gate.measured.facts import Note
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.watch import Replica
from socklat_gate.probe.log_feeds import LogFeed
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.service.reachable import unreachable
from socklat_gate.service.session import RunningArm
from socklat_gate.wording.progress_lines import STARTING_REPLICAS

__all__ = ["LiveReplicas"]

log = logging.getLogger(__name__)

FLEET = "fleet"
"""Whose load it is, for the probe."""

PAUSE_S = 0.1
SETTLE_S = 5.0
"""The last exchanges end with their connections, when a busy machine comes to that."""
SPARE_S = 60.0
"""The loads can go on for so long after the job's budget: a pair may begin at its end."""


@dataclass(slots=True)
class _Step:
    """Replicas that were started together, in the order of the load's endpoints."""

    load: FleetLoad
    logs: tuple[ReplicaLog, ...]
    generation: int


class LiveReplicas:
    """Context manager; ``slots`` of the probe are the baseline's and the candidate's.

    ``until_s`` of `time.monotonic` is when the job ends at the latest.
    """

    def __init__(
        self, scenario: Scenario, probe: SocketProbe, slots: Sequence[int], until_s: float
    ) -> None:
        self._scenario = scenario
        self._probe = probe
        self._slots = dict(zip(ARMS, slots, strict=True))
        self._until_s = until_s
        self._loads = ExitStack()
        self._steps: list[_Step] = []
        self._retired: list[Replica] = []
        self._logs = ReplicaLogs(self._slots, round(scenario.gate.spikes.floor_ms * 1e6))
        self._feed: LogFeed | None = None
        self._counters = StopCounters()
        self._generation = 0
        self._ended = False

    def __enter__(self) -> LiveReplicas:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with defer_signals(), closing(self._counters), closing(self._loads):
            for slot in self._slots.values():
                self._probe.forget(slot)

    @property
    def up(self) -> int:
        """Of each arm, those with their load on."""
        return sum(len(step.logs) for step in self._steps) // len(ARMS)

    @property
    def generation(self) -> int:
        """Of those that are up: 0 of the first."""
        return self._generation

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is not known of them, and why."""
        return self._counters.notes

    @property
    def spike_ns(self) -> int:
        """Exchanges of at least that are kept whole."""
        return self._logs.spike_ns

    def begin(self, arms: Sequence[RunningArm], seed: int) -> None:
        """Watches them, with their load on.  Raises `InvalidMeasurement` as a load does."""
        for arm, slot in self._slots.items():
            inodes = [one.netns_inode for one in arms if one.arm == arm]
            self._probe.watch_together(slot, inodes, self._scenario.service.port)
        left_s = self._until_s - time.monotonic() + SPARE_S
        load = light_load(self._scenario.load, self._scenario.gate.watch.rate, left_s)
        if self._feed is None:
            now_ns = time.monotonic_ns()
            window = now_ns, now_ns + round(left_s * 1e9)
            for slot in self._slots.values():
                self._probe.record_between(slot, *window, traffic=traffic_of(load))
            # A slot's new owner ends the feed of the one before.
            self._feed = self._probe.subscribe(tuple(self._slots.values()))
        of_step = FleetLoad(load, arms, seed)
        self._loads.enter_context(of_step)
        try:
            of_step.begin()
        except InvalidMeasurement as error:
            raise error.while_at(STARTING_REPLICAS) from error
        logs = tuple(self._log_of(arm, of_step.from_ns) for arm in arms)
        for one in logs:
            self._logs.add(one)
        self._steps.append(_Step(of_step, logs, self._generation))
        self._probe.set_load([pid for step in self._steps for pid in step.load.pids()], of=FLEET)
        log.info("the watch has %d + %d replicas", self.up, self.up)

    def take(self) -> None:
        """Takes what the probe has logged."""
        if self._feed is not None:
            exchanges, stalls = self._feed.drain()
            self._logs.take(exchanges)
            self._counters.take(stalls)

    def look(self, now_ns: int) -> None:
        """Listens to the loads, and ends slices whose time has come; raises as a load does."""
        for step in self._steps:
            if not self._ended:
                step.load.listen()
            for one in step.logs:
                one.poll(min(now_ns, step.load.to_ns))
        self._counters.settle(self._all_logs(), now_ns)

    def replicas(self, now_ns: int) -> list[Replica]:
        """All that were watched, as they are known now: by number, the baseline's first."""
        live = [
            one.replica(max(step.load.from_ns, min(now_ns, step.load.to_ns)), step.generation)
            for step in self._steps
            for one in step.logs
        ]
        in_order = [*self._retired, *live]
        return sorted(in_order, key=lambda one: (one.number, ARMS.index(one.arm)))

    def started(self) -> dict[str, int]:
        """By name, when the process of each began."""
        return {one.arm.name: one.started_ns for one in self._all_logs()}

    def end(self, look: Callable[[], None]) -> None:
        """Ends the loads, so that `replicas` have the drivers' counts; ``look`` is called often.

        Raises `InvalidMeasurement`: EVENTS_LOST when the probe did not see what the driver got,
        and as `check_well`.
        """
        if self._ended:
            return
        self._ended = True
        for step in self._steps:
            step.load.end()
        counts = [of_one for step in self._steps for of_one in step.load.counts(look)]
        every = list(zip(self._all_logs(), counts, strict=True))
        settled_s = time.monotonic() + SETTLE_S
        while time.monotonic() < settled_s and not all(_is_settled(*one) for one in every):
            look()
            time.sleep(PAUSE_S)
        self._counters.settle(self._all_logs(), time.monotonic_ns() + SETTLED_NS)
        for one, of_one in every:
            one.unseen = unseen_of(of_one, one.took_ns, self.spike_ns)
            check_recorded(one.arm.label, one.exchanges, of_one)
        arms = [one.arm for one in self._all_logs()]
        found = unreachable(arms, self._scenario.service.port)
        check_well({f"{label} of the watch": why for label, why in found.items()})

    def retire(self, look: Callable[[], None]) -> None:
        """`end`, and what comes next is another generation: these are followed no more."""
        self.end(look)
        self._retired = self.replicas(time.monotonic_ns())
        for arm, slot in self._slots.items():
            gone = [one.arm.netns_inode for one in self._all_logs() if one.arm.arm == arm]
            self._probe.leave(slot, gone)
        self._counters.leave(self._all_logs())
        self._logs.leave()
        self._steps = []
        self._loads.close()
        self._generation += 1
        self._ended = False

    def _log_of(self, arm: RunningArm, from_ns: int) -> ReplicaLog:
        ring, cpus = self._counters.follow(arm.pid)
        started = started_ns(arm.pid)
        return ReplicaLog(arm, started, from_ns, self.spike_ns, ring=ring, cpus=cpus)

    def _all_logs(self) -> Iterator[ReplicaLog]:
        return (one for step in self._steps for one in step.logs)


def _is_settled(one: ReplicaLog, counts: LoadCounts) -> bool:
    return enough_recorded(one.exchanges, counts)
