"""One measurement of running, watched containers: load on, sockets traced, everything read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from socklat_gate.environment import NoiseMeter
from socklat_gate.interrupt import obey_signal
from socklat_gate.job.completeness import check_complete, too_many_skipped
from socklat_gate.job.recorder import Observer
from socklat_gate.job.stacks import watch_stacks
from socklat_gate.load.bounds import for_turns, with_extension
from socklat_gate.load.checks import check_delivered, too_late
from socklat_gate.load.process import Endpoint, make_load
from socklat_gate.measured.pair import Noise
from socklat_gate.measured.run import LoadCounts, Run
from socklat_gate.probe.netstat import network_counters, since
from socklat_gate.probe.probe import Reading, SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.service.session import RunningArm
from socklat_gate.stalls.shared import mark_shared

__all__ = ["Measured", "measure", "noise_of_both"]

_LEAD_NS = 150_000_000  # from the order to start until the first request is due
_SETTLE_S = 0.5  # closed connections leave the probe's map within this time

OnProgress = Callable[[str], None]
Check = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """Runs in the order of the arms asked for, and the machine's state meanwhile."""

    runs: tuple[Run, ...]
    noise: Noise
    excluded: str


def measure(
    probe: SocketProbe,
    scenario: Scenario,
    arms: Sequence[RunningArm],
    seed: int,
    *,
    check_alive: Check,
    say: OnProgress,
) -> Measured:
    """Drives the load at ``arms``, which get the probe's slots in their order, and reads it all.

    ``check_alive`` is called several times a second and raises when a container died.  Raises
    `InvalidMeasurement` when the service, the load or the probe failed.
    """
    for slot, arm in enumerate(arms):
        probe.watch(slot, arm.netns_inode, scenario.service.port)
    stacked = watch_stacks(probe, arms)
    if stacked.left_out:
        say(f"{stacked.left_out} containers of the stacks are not traced")
    network = [network_counters(arm.pid) for arm in arms]
    missed, unsent = probe.missed_by_event(), probe.unsent_stalls()
    endpoints = [Endpoint(arm.host, arm.port) for arm in arms]
    gate, planned = scenario.gate, with_extension(scenario.load)
    interleave = "request" if len(arms) == 1 else gate.interleave
    if interleave == "slice":
        planned = for_turns(planned, len(arms))
    scenario = scenario.model_copy(update={"load": planned})
    with make_load(planned, endpoints, seed, interleave, gate.slice_ms) as load:
        say("connecting")
        load.connect()
        seen = Observer(probe, scenario, arms, load, stacked)
        seen.open(load.start(time.monotonic_ns() + _LEAD_NS))
        meter = NoiseMeter()
        say("measuring")

        def poll() -> None:
            obey_signal()
            check_alive()
            seen.poll()

        counts = load.wait(poll=poll)
    check_alive()
    readings = [_settled(probe, slot) for slot in range(len(arms))]
    cleaned, cpu = seen.finish()
    noise = replace(
        meter.stop(),
        stalled=cleaned.stalled if cleaned else None,
        interference=cleaned.interference if cleaned else None,
        interference_ignored=cleaned.ignored if cleaned else "",
        throttled_us=_sum(used.throttled_us for used in cpu),
        involuntary_switches=_sum(used.involuntary_switches for used in cpu),
    )
    check_delivered(scenario.load, counts, [arm.arm for arm in arms])
    unsent = probe.unsent_stalls() - unsent
    runs = []
    for slot, arm in enumerate(arms):
        run = replace(
            _run(arm, readings[slot], counts[slot], seen),
            network=since(network[slot], network_counters(arm.pid)),
            cpu_ns=cpu[slot].used_ns,
            cpu_exchanges=cpu[slot].exchanges,
            corrected=cleaned.corrected[slot] if cleaned else None,
            companions=stacked.of_arm(probe, slot),
        )
        runs.append(run)
    skipped = too_many_skipped(missed, probe.missed_by_event(), runs)
    if not skipped:  # else the counts may differ for that
        for arm, run in zip(arms, runs, strict=True):
            check_complete(arm.arm, run)
    disturbed = _disturbed(scenario, noise, counts) or skipped
    if unsent and not disturbed:
        disturbed = f"{unsent} of the machine's stalls found no room in the probe's ring"
    if cleaned and not disturbed:
        disturbed = seen.too_few_clean(cleaned)
    return Measured(mark_shared(runs), noise, disturbed)


def noise_of_both(one: Noise, other: Noise) -> Noise:
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
        interference=mean(one.interference, other.interference),
        throttled_us=_sum((one.throttled_us, other.throttled_us)),
        interference_ignored=one.interference_ignored or other.interference_ignored,
    )


def _settled(probe: SocketProbe, slot: int) -> Reading:
    """The reading once the driver's closed connections have reached the kernel's books."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        reading = probe.read(slot)
        if not reading.counters["pending"] or time.monotonic() > deadline:
            return reading
        time.sleep(0.02)


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


def _disturbed(scenario: Scenario, noise: Noise, counts: Sequence[LoadCounts]) -> str:
    """Why the pair is not used: rules about the machine only, never about latencies."""
    limit = scenario.gate.max_steal
    if noise.steal > limit:
        return f"the hypervisor took {noise.steal:.0%} of the CPU time (limit {limit:.0%})"
    return too_late(scenario.load, counts)


def _sum(parts: Iterable[int | None]) -> int | None:
    """None when a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)
