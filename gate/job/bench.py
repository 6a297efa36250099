"""One measurement: containers up, load on, sockets traced, containers gone.

`Bench` owns the network, the probe and nothing else that outlives it.  `Bench.pair` measures both
arms at the same time under one split schedule; `Bench.single` measures one image alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gate.campaign import ARMS, Arm, Fingerprint, LoadCounts, Noise, Pair, Run
from gate.environment import NoiseMeter, fingerprint
from gate.interrupt import obey_signal, shielded
from gate.job.completeness import check_complete
from gate.job.stages import unmeasured_stages
from gate.load.checks import check_delivered, too_late
from gate.load.process import Endpoint, Window, make_load
from gate.probe.events import DEFINITION
from gate.probe.netstat import network_counters, since
from gate.probe.probe import Reading, SocketProbe
from gate.scenario import Scenario
from gate.service.session import ArmSpec, RunningArm, ServiceSession

__all__ = ["Bench", "Measured"]

_LEAD_NS = 150_000_000  # from the order to start until the first request is due
_SETTLE_S = 0.5  # closed connections leave the probe's map within this time

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """Runs in the order of the arms asked for, and the machine's state meanwhile."""

    runs: tuple[Run, ...]
    noise: Noise
    set_aside: str


class Bench:
    """Context manager: the probe loaded and a private network up, for any number of runs.

    Raises `UnfitEnvironment` on entry when this machine cannot measure, `UsageError` when a gated
    stage asks for more detail than the scenario's.
    """

    def __init__(self, client: Any, scenario: Scenario, directory: Path, say: OnProgress) -> None:
        self._client = client
        self._scenario = scenario
        self._directory = directory
        self._say = say
        self._stack = ExitStack()
        self._missed_so_far = 0

    def __enter__(self) -> Bench:
        with ExitStack() as stack:
            self._say("loading the probe")
            self._probe = stack.enter_context(self._new_probe())
            gated = [metric.stage for metric in self._scenario.gate.metrics]
            self._unmeasured = unmeasured_stages(
                gated, self._probe.stages, self._scenario.probe.detail
            )
            session = ServiceSession(self._client, self._scenario.service, self._directory)
            self._session = stack.enter_context(session)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with shielded():
            self._stack.close()

    def _new_probe(self) -> SocketProbe:
        wanted = self._scenario.probe
        return SocketProbe(wanted.max_connections, wanted.detail)

    @property
    def hooks(self) -> dict[str, str]:
        """Event -> hook in place."""
        return self._probe.hooks

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Gated stages that no hook of this kernel can show."""
        return self._unmeasured

    @property
    def missed(self) -> int:
        """Probe invocations that the kernel skipped so far."""
        return self._probe.missed()

    def fingerprint(self) -> Fingerprint:
        """What must match for numbers measured here to be compared with stored ones."""
        docker = str(self._client.version().get("Version", "unknown"))
        return fingerprint(self.hooks, DEFINITION, docker)

    def pair(self, index: int, seed: int, specs: Sequence[ArmSpec]) -> Pair:
        """Measures baseline and candidate at once; ``specs`` are in the order of ARMS.

        The order of starting is a recorded coin flip from ``seed``.  Raises `InvalidMeasurement`
        when the service, the load or the probe failed.
        """
        flip = int(np.random.default_rng(seed).integers(2))
        first: Arm = ARMS[flip]
        measured = self._measure(specs, seed, first=flip)
        baseline, candidate = measured.runs
        return Pair(index, seed, first, baseline, candidate, measured.noise, measured.set_aside)

    def single(self, seed: int, spec: ArmSpec) -> Measured:
        """Measures one image alone; raises as `pair`."""
        return self._measure([spec], seed, first=0)

    def _measure(self, specs: Sequence[ArmSpec], seed: int, first: int) -> Measured:
        obey_signal()
        self._say("starting containers")
        order = [specs[first], *(spec for i, spec in enumerate(specs) if i != first)]
        started = {arm.arm: arm for arm in self._session.start(order)}
        arms = [started[spec.arm] for spec in specs]
        try:
            for slot, arm in enumerate(arms):
                self._probe.watch(slot, arm.netns_inode, self._scenario.service.port)
            network = [network_counters(arm.pid) for arm in arms]
            counts, noise, spike_ns, from_ns = self._drive(arms, seed)
            self._session.check_alive()
            network = [
                since(before, network_counters(arm.pid))
                for before, arm in zip(network, arms, strict=True)
            ]
            runs = self._read(arms, counts, network, spike_ns, from_ns)
        finally:
            self._say("removing containers")
            for slot in range(len(arms)):
                self._probe.forget(slot)
            with shielded():
                self._session.stop()
        return Measured(tuple(runs), noise, self._set_aside(noise, counts))

    def _drive(
        self, arms: Sequence[RunningArm], seed: int
    ) -> tuple[tuple[LoadCounts, ...], Noise, int, int]:
        """Counts of each arm, the machine's state, the spike threshold and the window's start."""
        endpoints = [Endpoint(arm.host, arm.port) for arm in arms]
        with make_load(self._scenario.load, endpoints, seed) as load:
            self._say("connecting")
            load.connect()
            window = load.start(time.monotonic_ns() + _LEAD_NS)
            for slot in range(len(arms)):
                self._probe.record_between(slot, window.from_ns, window.to_ns)
            meter = NoiseMeter()
            self._say("measuring")
            spike_ns = 0

            def poll() -> None:
                nonlocal spike_ns
                obey_signal()
                self._session.check_alive()
                if not spike_ns and time.monotonic_ns() > window.from_ns:
                    spike_ns = self._watch_for_spikes(len(arms), window)

            counts = load.wait(poll=poll)
            return counts, meter.stop(), spike_ns, window.from_ns

    def _watch_for_spikes(self, arms: int, window: Window) -> int:
        """Sets the spike threshold of all arms from the reference's warm-up; ns, 0 without one."""
        p99_ns = self._probe.warmup_quantile_ns(0, 0.99)
        spike_ns = int(self._scenario.probe.spike_factor * p99_ns)
        for slot in range(arms):
            self._probe.record_between(slot, window.from_ns, window.to_ns, spike_ns)
        return spike_ns

    def _read(
        self,
        arms: Sequence[RunningArm],
        counts: Sequence[LoadCounts],
        network: Sequence[dict[str, int]],
        spike_ns: int,
        from_ns: int,
    ) -> list[Run]:
        missed_before, self._missed_so_far = self._missed_so_far, self.missed
        missed = self._missed_so_far - missed_before
        check_delivered(self._scenario.load, counts, [arm.arm for arm in arms])
        runs = []
        for slot, (arm, load) in enumerate(zip(arms, counts, strict=True)):
            reading = self._settled(slot)
            run = Run(
                image=arm.image.reference,
                image_id=arm.image.id,
                histograms=reading.histograms,
                bands=reading.bands,
                counters=reading.counters,
                load=load,
                duration_s=self._scenario.load.duration_s,
                network=network[slot],
                drops=reading.drops,
                spikes=reading.spikes,
                spike_threshold_ns=spike_ns,
                window_from_ns=from_ns,
            )
            check_complete(arm.arm, run, missed)
            runs.append(run)
        return runs

    def _settled(self, slot: int) -> Reading:
        """The reading once the driver's closed connections have reached the kernel's books."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            reading = self._probe.read(slot)
            if not reading.counters["pending"] or time.monotonic() > deadline:
                return reading
            time.sleep(0.02)

    def _set_aside(self, noise: Noise, counts: Sequence[LoadCounts]) -> str:
        """Why the pair is not used: rules about the machine only, never about latencies."""
        limit = self._scenario.gate.max_steal
        if noise.steal > limit:
            return f"the hypervisor took {noise.steal:.0%} of the CPU time (limit {limit:.0%})"
        return too_late(self._scenario.load, counts)
