"""The watch: replicas of both arms that stay up beside the pairs, each with a light load.

A stop that comes every few minutes is not met by containers that live for seconds, nor is one that
comes at some age of the process.  Baseline k and candidate k start together, in the order of a
coin; further ones start between the pairs, so that equal ages are met at different moments.

A few replicas can show little: there are too few ways to give the labels.  So a small fleet is
replaced as a whole once its replicas have no more first stops to show (`verdict.watch_renewal`):
each new container is a new observation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.fleet_growth import FleetGrowth
from socklat_gate.job.fleet_launch import FleetLaunch
from socklat_gate.job.fleet_live import PAUSE_S, LiveReplicas
from socklat_gate.measured.watch import Watch
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, RunningArm
from socklat_gate.wording.progress_lines import RENEWING_REPLICAS, STARTING_REPLICAS

__all__ = ["Fleet"]

LOOK_EVERY_NS = 1_000_000_000

OnPhase = Callable[[str], None]


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
        self._until_s = until_s
        self._on_phase = on_phase
        self._launch = FleetLaunch(client, scenario.service, directory, specs, seed)
        self._live = LiveReplicas(scenario, probe, slots, until_s)
        self._stack = ExitStack()
        self._growth = FleetGrowth(scenario)
        self._numbers = 0
        self._looked_ns = 0
        self._ended = False
        self.slots = len(slots)

    def __enter__(self) -> Fleet:
        self._stack.enter_context(self._launch)
        self._stack.enter_context(self._live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with defer_signals():
            self._stack.close()

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
            more = growth.next(self._live.up)
            if more:
                self._on_phase(STARTING_REPLICAS)
                self._begin(self._start(more))
        else:
            self._on_phase(STARTING_REPLICAS)
            first = self._start(1)
            growth.first(first, self._launch.networks())
            more = growth.next(1)
            if growth.missing:
                self._launch.stop()
                return
            self._begin([*first, *self._start(more)])

    def renew(self) -> None:
        """Replaces all replicas by new ones, if there is time for these; while nothing is measured.

        Only once there are as many as there will be.  Raises as `grow` and `finish`.
        """
        up = self._live.up
        left_s = self._until_s - time.monotonic()
        if self._ended or not self._growth.may_renew(up, self._live.generation, left_s):
            return
        self._on_phase(RENEWING_REPLICAS)
        self._live.retire(self._look)
        self._launch.stop()
        self._begin(self._start(up))

    def poll(self) -> None:
        """Takes what the probe has logged, and looks after replicas and loads now and then.

        Raises `InvalidMeasurement`: SERVICE_DIED with the replica and its age, and as a load does.
        """
        self._live.take()
        now_ns = time.monotonic_ns()
        if now_ns < self._looked_ns + LOOK_EVERY_NS:
            return
        self._looked_ns = now_ns
        self._launch.check_alive(self._live.started)
        self._live.look(now_ns)

    def watch(self) -> Watch:
        """All that is known now."""
        wanted = self._scenario.gate.watch
        return Watch(
            replicas=tuple(self._live.replicas(time.monotonic_ns())),
            spike_ns=self._live.spike_ns,
            wanted=self._growth.wanted,
            minutes=wanted.minutes,
            age_s=wanted.age_s,
            notes=(*self._growth.notes, *self._live.notes),
            renewed=self._growth.renewed,
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
        self._ended = True
        self._live.end(self._look)

    def _start(self, count: int) -> list[RunningArm]:
        arms = self._launch.start(count, self._numbers, self.poll)
        self._numbers += count
        return arms

    def _begin(self, arms: Sequence[RunningArm]) -> None:
        self._live.begin(arms, self._launch.seed_of(arms[0].replica))

    def _look(self) -> None:
        obey_signal()
        self.poll()
