"""One measurement: containers up, load on, sockets traced, containers gone.

`Bench` owns the network, the probe and nothing else that outlives it.  `Bench.pair` measures both
arms at the same time under one split schedule; `Bench.single` measures one image alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gate.campaign import ARMS, Arm, Fingerprint, LoadCounts, Noise, Pair, Run
from gate.environment import NoiseMeter, fingerprint
from gate.interrupt import obey_signal, shielded
from gate.job.completeness import check_complete
from gate.job.observe import Observer
from gate.job.stages import unmeasured_stages
from gate.load.bounds import extended
from gate.load.checks import check_delivered, too_late
from gate.load.process import Endpoint, make_load
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
            gated = [m.stage for m in self._scenario.gate.metrics if m.stage != "cpu"]
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
        return SocketProbe(wanted.max_connections, wanted.detail, stalls=True)

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
        """Measures baseline and candidate; ``specs`` are in the order of ARMS.

        Both at once, or in blocks one after the other, as ``gate.interleave`` says.  The order of
        starting is a recorded coin flip from ``seed``.  Raises `InvalidMeasurement` when the
        service, the load or the probe failed.
        """
        flip = int(np.random.default_rng(seed).integers(2))
        first: Arm = ARMS[flip]
        if self._scenario.gate.interleave == "block":
            measured = self._blocks(specs, seed, flip)
        else:
            measured = self._measure(specs, seed, first=flip)
        baseline, candidate = measured.runs
        return Pair(
            index,
            seed,
            first,
            baseline,
            candidate,
            measured.noise,
            measured.set_aside,
            interleave=self._scenario.gate.interleave,
        )

    def single(self, seed: int, spec: ArmSpec) -> Measured:
        """Measures one image alone; raises as `pair`."""
        return self._measure([spec], seed, first=0)

    def _blocks(self, specs: Sequence[ArmSpec], seed: int, first: int) -> Measured:
        """One arm alone after the other, both by the same schedule."""
        one, other = (self._measure([specs[i]], seed, first=0) for i in (first, 1 - first))
        runs = (*one.runs, *other.runs)
        return Measured(
            runs if first == 0 else runs[::-1],
            _noise_of_both(one.noise, other.noise),
            one.set_aside or other.set_aside,
        )

    def _measure(self, specs: Sequence[ArmSpec], seed: int, first: int) -> Measured:
        obey_signal()
        self._say("starting containers")
        # Whoever starts first also comes first in everything else: nothing stays with one arm.
        order = [specs[first], *(spec for i, spec in enumerate(specs) if i != first)]
        arms = self._session.start(order)
        try:
            for slot, arm in enumerate(arms):
                self._probe.watch(slot, arm.netns_inode, self._scenario.service.port)
            measured = self._driven(arms, seed)
        finally:
            self._say("removing containers")
            for slot in range(len(arms)):
                self._probe.forget(slot)
            with shielded():
                self._session.stop()
        runs = tuple(measured.runs[order.index(spec)] for spec in specs)
        return replace(measured, runs=runs)

    def _driven(self, arms: Sequence[RunningArm], seed: int) -> Measured:
        """The load driven at arms that are watched, and what came of it."""
        endpoints = [Endpoint(arm.host, arm.port) for arm in arms]
        network = [network_counters(arm.pid) for arm in arms]
        gate = self._scenario.gate
        interleave = "request" if len(arms) == 1 else gate.interleave
        plan = extended(self._scenario.load)
        with make_load(plan, endpoints, seed, interleave, gate.slice_ms) as load:
            self._say("connecting")
            load.connect()
            seen = Observer(self._probe, self._scenario, arms, load)
            seen.open(load.start(time.monotonic_ns() + _LEAD_NS))
            meter = NoiseMeter()
            self._say("measuring")

            def poll() -> None:
                obey_signal()
                self._session.check_alive()
                seen.poll()

            counts = load.wait(poll=poll)
        self._session.check_alive()
        readings = [self._settled(slot) for slot in range(len(arms))]
        cleaned, cpu = seen.finish()
        noise = meter.stop(
            stalled=cleaned.stalled if cleaned else None,
            foreign=cleaned.foreign if cleaned else None,
            throttled_us=_sum(used.throttled_us for used in cpu),
            involuntary_switches=_sum(used.involuntary_switches for used in cpu),
        )
        network = [
            since(before, network_counters(arm.pid))
            for before, arm in zip(network, arms, strict=True)
        ]
        check_delivered(self._scenario.load, counts, [arm.arm for arm in arms])
        missed_before, self._missed_so_far = self._missed_so_far, self.missed
        runs = []
        for slot, arm in enumerate(arms):
            run = replace(
                _run(arm, readings[slot], counts[slot], seen),
                network=network[slot],
                cpu_ns=cpu[slot].used_ns,
                cpu_exchanges=cpu[slot].exchanges,
                corrected=cleaned.corrected[slot] if cleaned else None,
            )
            check_complete(arm.arm, run, self._missed_so_far - missed_before)
            runs.append(run)
        disturbed = self._set_aside(noise, counts)
        if cleaned and not disturbed:
            disturbed = seen.too_few_clean(cleaned)
        return Measured(tuple(runs), noise, disturbed)

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


def _run(arm: RunningArm, reading: Reading, load: LoadCounts, seen: Observer) -> Run:
    return Run(
        image=arm.image.reference,
        image_id=arm.image.id,
        histograms=reading.histograms,
        bands=reading.bands,
        counters=reading.counters,
        load=load,
        duration_s=(seen.window.to_ns - seen.window.from_ns) / 1e9,
        drops=reading.drops,
        spikes=reading.spikes,
        spike_threshold_ns=seen.spike_ns,
        window_from_ns=seen.window.from_ns,
    )


def _sum(parts: Iterable[int | None]) -> int | None:
    """None when a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)


def _noise_of_both(one: Noise, other: Noise) -> Noise:
    """Of two measurements one after the other: means of shares, sums of counts."""

    def mean(first: float | None, second: float | None) -> float | None:
        return None if first is None or second is None else (first + second) / 2

    return Noise(
        steal=(one.steal + other.steal) / 2,
        busy=(one.busy + other.busy) / 2,
        psi_cpu_some=mean(one.psi_cpu_some, other.psi_cpu_some),
        load_average=other.load_average,
        involuntary_switches=_sum((one.involuntary_switches, other.involuntary_switches)),
        stalled=mean(one.stalled, other.stalled),
        foreign=mean(one.foreign, other.foreign),
        throttled_us=_sum((one.throttled_us, other.throttled_us)),
    )
