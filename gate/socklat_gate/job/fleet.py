"""The watch: replicas of both arms that stay up beside the pairs, each with a light load.

A stop that comes every few minutes is not met by containers that live for seconds, nor is one that
comes at some age of the process.  Baseline k and candidate k start together, in the order of a
coin; further ones start between the pairs, so that equal ages are met at different moments.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.fleet_check import check_recorded, enough_recorded, no_response
from socklat_gate.job.fleet_growth import FleetGrowth
from socklat_gate.job.fleet_launch import FleetLaunch, started_ns
from socklat_gate.job.fleet_load import FleetLoad, light_load
from socklat_gate.job.named_requests import traffic_of
from socklat_gate.job.replica_log import ReplicaLog
from socklat_gate.job.replica_logs import ReplicaLogs
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.watch import Watch
from socklat_gate.probe.log_feeds import LogFeed
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, RunningArm
from socklat_gate.wording.progress_lines import STARTING_REPLICAS

__all__ = ["Fleet"]

log = logging.getLogger(__name__)

FLEET = "fleet"
"""Whose load it is, for the probe."""

LOOK_EVERY_NS = 1_000_000_000
PAUSE_S = 0.1
SETTLE_S = 5.0
"""The last exchanges end with their connections, when a busy machine comes to that."""
SPARE_S = 60.0
"""The loads can go on for so long after the job's budget: a pair may begin at its end."""

OnPhase = Callable[[str], None]


@dataclass(slots=True)
class _Step:
    """Replicas that were started together, in the order of the load's endpoints."""

    load: FleetLoad
    logs: tuple[ReplicaLog, ...]


class Fleet:
    """Context manager; nothing is up until the first `grow`.

    ``slots`` of the probe are the baseline's and the candidate's, ``specs`` what they start, in the
    order of ARMS.  ``until_s`` of `time.monotonic` is when the job ends at the latest.
    """

    def __init__(
        self,
        client: DockerClient,
        scenario: Scenario,
        directory: Path,
        probe: SocketProbe,
        slots: Sequence[int],
        specs: Sequence[ArmSpec],
        *,
        seed: int,
        until_s: float,
        on_phase: OnPhase,
    ) -> None:
        self._scenario = scenario
        self._probe = probe
        self._slots = dict(zip(ARMS, slots, strict=True))
        self._until_s = until_s
        self._on_phase = on_phase
        self._launch = FleetLaunch(client, scenario.service, directory, specs, seed)
        self._stack = ExitStack()
        self._growth = FleetGrowth(scenario)
        self._steps: list[_Step] = []
        self._logs = ReplicaLogs(self._slots, round(scenario.gate.spikes.floor_ms * 1e6))
        self._feed: LogFeed | None = None
        self._looked_ns = 0
        self._ended = False

    def __enter__(self) -> Fleet:
        self._stack.enter_context(self._launch)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with defer_signals():
            try:
                for slot in self._slots.values():
                    self._probe.forget(slot)
            finally:
                self._stack.close()

    @property
    def slots(self) -> int:
        """How many of the probe's last slots are in use."""
        return len(self._slots)

    @property
    def missing(self) -> bool:
        """Whether there will be no replicas: too few fit."""
        return self._growth.missing

    def grow(self) -> None:
        """Starts the next replicas, if there are more to come; while nothing is measured.

        Raises `InvalidMeasurement` as `ServiceSession.add` and a load do.
        """
        if self._ended or self.missing:
            return
        growth = self._growth
        if not self._probe.watches_stalls:
            growth.give_up("log")
        elif growth.begun:
            more = growth.next(self._up)
            if more:
                self._on_phase(STARTING_REPLICAS)
                self._begin(self._launch.start(more, self._up, self.poll))
        else:
            self._on_phase(STARTING_REPLICAS)
            first = self._launch.start(1, 0, self.poll)
            growth.first(first)
            more = growth.next(1)
            if growth.missing:
                self._launch.stop()
                return
            self._begin([*first, *self._launch.start(more, 1, self.poll)])

    def poll(self) -> None:
        """Takes what the probe has logged, and looks after replicas and loads now and then.

        Raises `InvalidMeasurement`: SERVICE_DIED with the replica and its age, and as a load does.
        """
        if self._feed is not None:
            self._logs.take(self._feed.drain()[0])
        now_ns = time.monotonic_ns()
        if now_ns < self._looked_ns + LOOK_EVERY_NS:
            return
        self._looked_ns = now_ns
        self._launch.check_alive(self._started)
        for step in self._steps:
            if not self._ended:
                step.load.listen()
            for one in step.logs:
                one.poll(min(now_ns, step.load.to_ns))

    def watch(self) -> Watch:
        """All that is known now."""
        now_ns = time.monotonic_ns()
        replicas = [
            one.replica(max(step.load.from_ns, min(now_ns, step.load.to_ns)))
            for step in self._steps
            for one in step.logs
        ]
        wanted = self._scenario.gate.watch
        return Watch(
            replicas=tuple(sorted(replicas, key=lambda one: (one.number, ARMS.index(one.arm)))),
            spike_ns=self._logs.spike_ns,
            wanted=self._growth.wanted,
            minutes=wanted.minutes,
            age_s=wanted.age_s,
            notes=self._growth.notes,
        )

    def wait(self, seconds: float) -> None:
        """Watches on while nothing is measured; raises as `poll`."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._look()
            time.sleep(PAUSE_S)

    def finish(self) -> None:
        """Ends the loads, so that `watch` has the driver's counts; the replicas grow no more.

        Raises `InvalidMeasurement` (EVENTS_LOST) when the probe did not see what the driver got.
        """
        if self._ended:
            return
        self._ended = True
        for step in self._steps:
            step.load.end()
        counts = [step.load.counts(self._look) for step in self._steps]
        every = [
            (one, of_one)
            for step, of_step in zip(self._steps, counts, strict=True)
            for one, of_one in zip(step.logs, of_step, strict=True)
        ]
        settled_s = time.monotonic() + SETTLE_S
        while time.monotonic() < settled_s and any(
            not enough_recorded(one.exchanges, of_one) for one, of_one in every
        ):
            self._look()
            time.sleep(PAUSE_S)
        for one, of_one in every:
            one.no_response = no_response(of_one)
            check_recorded(one.arm.label, one.exchanges, of_one)

    @property
    def _up(self) -> int:
        """Replicas of each arm with their load on."""
        return sum(len(step.logs) for step in self._steps) // len(ARMS)

    def _begin(self, arms: Sequence[RunningArm]) -> None:
        """Watches them, with their load on."""
        for arm, slot in self._slots.items():
            inodes = [one.netns_inode for one in arms if one.arm == arm]
            self._probe.watch_together(slot, inodes, self._scenario.service.port)
        left_s = self._until_s - time.monotonic() + SPARE_S
        load = light_load(self._scenario.load, self._scenario.gate.watch.rate, left_s)
        if not self._steps:
            now_ns = time.monotonic_ns()
            window = now_ns, now_ns + round(left_s * 1e9)
            for slot in self._slots.values():
                self._probe.record_between(slot, *window, traffic=traffic_of(load))
            # A slot's new owner ends the feed of the one before.
            self._feed = self._probe.subscribe(tuple(self._slots.values()))
        of_step = FleetLoad(load, arms, self._launch.seed_of(arms[0].replica))
        self._stack.enter_context(of_step)
        try:
            of_step.begin()
        except InvalidMeasurement as error:
            raise error.while_at(STARTING_REPLICAS) from error
        logs = tuple(
            ReplicaLog(arm, started_ns(arm.pid), of_step.from_ns, self._logs.spike_ns)
            for arm in arms
        )
        for one in logs:
            self._logs.add(one)
        self._steps.append(_Step(of_step, logs))
        pids = [pid for step in self._steps for pid in step.load.pids()]
        self._probe.set_load(pids, of=FLEET)
        log.info("the watch has %d + %d replicas", self._up, self._up)

    def _look(self) -> None:
        obey_signal()
        self.poll()

    def _started(self) -> dict[str, int]:
        """By name, when the process of each began."""
        return {one.arm.name: one.started_ns for step in self._steps for one in step.logs}
