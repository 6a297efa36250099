"""One measurement of running, watched containers: load on, sockets traced, everything read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from socklat_gate.environment import NoiseMeter
from socklat_gate.errors import Reason
from socklat_gate.interrupt import obey_signal
from socklat_gate.job.beside import NOTHING_BESIDE, Beside
from socklat_gate.job.completeness import check_complete
from socklat_gate.job.driver_clock import check_connections
from socklat_gate.job.exclusion import (
    excess_missed,
    late_driver,
    missed_invocations,
    stalls_lost,
    too_much_steal,
)
from socklat_gate.job.freezes import Freezes
from socklat_gate.job.join_check import check_joined
from socklat_gate.job.load_facts import with_load_facts
from socklat_gate.job.memory_readings import MemoryReadings
from socklat_gate.job.noise import with_stalls
from socklat_gate.job.recorder import Recorder
from socklat_gate.job.settled_reading import settled_reading
from socklat_gate.job.stacks import TracedCompanions, trace_companions
from socklat_gate.job.stall_labels import StallLabels
from socklat_gate.load.bounds import for_containers, for_turns, with_extension
from socklat_gate.load.checks import Undelivered, find_failing_command, find_undelivered
from socklat_gate.load.process import Endpoint, make_load
from socklat_gate.measured.facts import Note
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import Interleave, Noise
from socklat_gate.measured.records import Records
from socklat_gate.measured.run import Run
from socklat_gate.probe.netstat import increments, network_counters
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading
from socklat_gate.scenario import Scenario
from socklat_gate.service.reachable import unreachable
from socklat_gate.service.session import RunningArm
from socklat_gate.stalls.shared import mark_shared
from socklat_gate.wording.progress_lines import CONNECTING, MEASURING, untraced_line

__all__ = ["Measurement", "measure"]

log = logging.getLogger(__name__)

_LEAD_NS = 150_000_000  # from the order to start until the first request is due

OnPhase = Callable[[str], None]
Check = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Runs in the order of the containers, the machine's noise and what stalls followed.

    ``undelivered`` is what arms lack of their load, for whoever has all arms to look at;
    ``unwell`` what containers are not well by after it, by their label: see `job.unwell`.
    """

    runs: tuple[Run, ...]
    noise: Noise
    excluded: Note | None
    labels: StallLabels
    undelivered: tuple[Undelivered, ...] = ()
    unwell: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Before:
    """Counters that go on over all measurements, as they were before this one."""

    network: tuple[dict[str, int], ...]
    missed: Mapping[str, int]
    lost_stalls: int

    @classmethod
    def read(cls, probe: SocketProbe, arms: Sequence[RunningArm]) -> _Before:
        network = tuple(network_counters(arm.pid) for arm in arms)
        return cls(network, probe.missed_by_event(), probe.unsent_stalls())


@dataclass(frozen=True, slots=True)
class _Driven:
    """A load that has ended, and what was recorded during it."""

    recorder: Recorder
    counts: tuple[LoadCounts, ...]
    sent: Records | None
    meter: NoiseMeter
    freezes: Freezes
    peaks_bytes: tuple[int, ...]


def measure(
    probe: SocketProbe,
    scenario: Scenario,
    arms: Sequence[RunningArm],
    seed: int,
    *,
    check_alive: Check,
    on_phase: OnPhase,
    beside: Beside = NOTHING_BESIDE,
) -> Measurement:
    """Drives the load at ``arms``, which get the probe's slots in their order, and reads it all.

    ``arms`` are all containers: one of each arm, or a block of several (`RunningArm.replicas`),
    each of which gets its part of the arm's load.
    ``check_alive`` is called several times a second and raises when a container died; so is what
    runs ``beside``, whose slots of the probe it leaves alone.  Raises
    `InvalidMeasurement` when the service, the load's driver or the probe failed.
    """
    companions = _watch(probe, arms, scenario.service.port, beside.slots, on_phase)
    before = _Before.read(probe, arms)
    planned, interleave = _plan(scenario, arms)
    around = check_alive, beside, on_phase
    driven = _drive(probe, planned, arms, seed, interleave, companions, *around)
    check_alive()
    readings = [settled_reading(probe, slot) for slot in range(len(arms))]
    correction, cpu = driven.recorder.finish(driven.sent)
    named, by_driver = driven.recorder.named, driven.recorder.by_driver
    coupled = driven.recorder.coupling()
    noise = with_stalls(driven.meter.stop(), correction, cpu, coupled)
    log.debug("noise: %s", noise)
    frozen = driven.freezes.note()
    undelivered: tuple[Undelivered, ...] = ()
    if not frozen:  # else requests may have waited or failed for that
        names = [arm.arm for arm in arms], [arm.label for arm in arms]
        undelivered = find_undelivered(planned.load, driven.counts, *names)
    lost_stalls = probe.unsent_stalls() - before.lost_stalls
    runs = []
    for slot, arm in enumerate(arms):
        run = replace(
            _run(arm, readings[slot], driven.counts[slot], driven.recorder),
            network=increments(before.network[slot], network_counters(arm.pid)),
            cpu_ns=cpu[slot].used_ns,
            cpu_exchanges=cpu[slot].exchanges,
            startup_ns=arm.startup_ns,
            peak_memory_bytes=driven.peaks_bytes[slot],
            corrected=correction.corrected[slot] if correction else None,
            companions=companions.histograms_of(probe, slot),
        )
        if by_driver is not None:
            run = by_driver.add_to(run, slot, correction, driven.recorder.spike_ns)
        elif named and correction:
            run = named.add_to(run, slot, correction, probe.stages)
        runs.append(with_load_facts(planned.load, arm.label, run, undelivered))
    if not frozen:
        undelivered += find_failing_command(
            planned.load, [run.load for run in runs], [arm.arm for arm in arms]
        )
    missed_now = probe.missed_by_event()
    missed = excess_missed(before.missed, missed_now, runs)
    if not (frozen or missed):  # else the counts may differ for that
        # Responses that the driver could not read are its errors, which say what was wrong.
        unread = {one.name for one in undelivered if one.error.reason is Reason.LOAD_REFUSED}
        for slot, (arm, run) in enumerate(zip(arms, runs, strict=True)):
            if arm.label in unread:
                continue
            lost = sum(missed_invocations(before.missed, missed_now).values())
            if by_driver is not None:
                check_connections(arm.label, run, lost)
                continue
            check_complete(arm.label, run)
            if named:
                check_joined(
                    arm.label,
                    run,
                    named.joined[slot],
                    lost,
                    keep_alive=planned.load.keep_alive,
                )
    excluded = (
        frozen
        or too_much_steal(planned.gate, noise)
        or late_driver(planned.load, driven.counts)
        or missed
        or stalls_lost(lost_stalls)
        # An arm that failed its load lacks exchanges for that, not for the machine.
        or (driven.recorder.shortfall(correction) if correction and not undelivered else None)
    )
    labels = driven.recorder.stall_labels() if correction else StallLabels()
    shared = mark_shared(runs, [arm.arm for arm in arms])
    # The load has closed its connections: a service that takes only so many has room again.  One
    # that failed its load is judged for that.
    skipped = frozen or undelivered
    refusing = {} if skipped else unreachable(arms, scenario.service.port)
    check_alive()
    return Measurement(shared, noise, excluded, labels, undelivered, refusing)


def _watch(
    probe: SocketProbe, arms: Sequence[RunningArm], port: int, taken: int, on_phase: OnPhase
) -> TracedCompanions:
    """Gives the arms and their companions the probe's slots."""
    for slot, arm in enumerate(arms):
        probe.watch(slot, arm.netns_inode, port, apart=True)
    companions = trace_companions(probe, arms, taken)
    if companions.left_out:
        on_phase(untraced_line(companions.left_out))
    return companions


def _plan(scenario: Scenario, arms: Sequence[RunningArm]) -> tuple[Scenario, Interleave]:
    """The scenario with the load that each container is sent, and how arms take their turns."""
    load = for_containers(with_extension(scenario.load), arms[0].replicas)
    interleave: Interleave = "request" if len(arms) == 1 else scenario.gate.interleave
    if interleave == "slice":
        load = for_turns(load, len(arms))
    return scenario.model_copy(update={"load": load}), interleave


def _drive(
    probe: SocketProbe,
    scenario: Scenario,
    arms: Sequence[RunningArm],
    seed: int,
    interleave: Interleave,
    companions: TracedCompanions,
    check_alive: Check,
    beside: Beside,
    on_phase: OnPhase,
) -> _Driven:
    """Connects, sends the load and records it to its end."""
    endpoints = [Endpoint(arm.host, arm.port, arm.label) for arm in arms]
    with make_load(scenario.load, endpoints, seed, interleave, scenario.gate.slice_ms) as load:
        on_phase(CONNECTING)
        recorder = Recorder(probe, scenario, arms, load, companions)
        recorder.prepare()
        load.connect()
        recorder.open(load.start(time.monotonic_ns() + _LEAD_NS))
        meter, freezes = NoiseMeter(), Freezes(arms)
        memory = MemoryReadings([arm.pid for arm in arms])
        on_phase(MEASURING)

        def poll() -> None:
            obey_signal()
            check_alive()
            beside.poll()
            freezes.poll()
            recorder.poll()
            memory.poll()

        counts = load.wait(poll=poll)
        peaks = tuple(memory.peaks_bytes())
        return _Driven(recorder, counts, load.sent(), meter, freezes, peaks)


def _run(arm: RunningArm, reading: Reading, load: LoadCounts, recorder: Recorder) -> Run:
    window = recorder.window
    return Run(
        image=arm.image.reference,
        image_id=arm.image.id,
        histograms=reading.histograms,
        bands=reading.bands,
        counters=reading.counters,
        load=load,
        duration_s=(window.to_ns - window.from_ns) / 1e9,
        drops=reading.drops,
        statuses=reading.statuses,
        spikes=reading.spikes,
        spike_threshold_ns=recorder.spike_ns,
        window_from_ns=window.from_ns,
        internal=reading.internal,
    )
