"""Containers up, measured, and gone: of both arms at once, of one after the other, of one alone.

Of both arms at once it can be a block of several of each (``gate.containers``).

`Rig` owns the network, the probe and nothing else that outlives it; `job.measurement` does the
measuring.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from socklat_gate.environment import fingerprint
from socklat_gate.errors import UnfitEnvironment
from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.beside import NOTHING_BESIDE, Beside
from socklat_gate.job.cpu_sets import arm_cpus, usable_cores
from socklat_gate.job.fleet import Fleet
from socklat_gate.job.gated_stages import unmeasured_names, unmeasured_stages
from socklat_gate.job.measurement import Measurement, measure
from socklat_gate.job.memory_left import check_memory_left
from socklat_gate.job.named_requests import request_shares
from socklat_gate.job.no_fleet import NO_FLEET, Watching
from socklat_gate.job.probe_room import probe_room
from socklat_gate.job.rig_pairs import Launched, pair_of_two, pairs_at_once
from socklat_gate.job.starting_order import coin, starting_order
from socklat_gate.job.unwell import check_well, check_well_alone
from socklat_gate.load.checks import check_delivered
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import CLIENT, OF_CONTAINER
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.probe.hook_table import DEFINITION
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.found_rate import found_rate
from socklat_gate.scenario.watch import has_watch
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession
from socklat_gate.wording.progress_lines import LOADING_PROBE, REMOVING, STARTING

__all__ = ["Measurement", "Rig"]

log = logging.getLogger(__name__)

OnPhase = Callable[[str], None]


class Rig:
    """Context manager: the probe loaded and a private network up, for any number of runs.

    ``watched``: there is room for replicas beside the pairs, where the scenario has a watch.
    Raises `UnfitEnvironment` on entry when this machine cannot measure, `UsageError` when a gated
    stage needs more detail than the scenario's.
    """

    def __init__(
        self,
        client: DockerClient,
        scenario: Scenario,
        directory: Path,
        on_phase: OnPhase,
        *,
        watched: bool = False,
    ) -> None:
        self._client = client
        self._scenario = scenario
        self._cpus = arm_cpus(scenario, usable_cores())
        self._directory = directory
        self._on_phase = on_phase
        self._stack = ExitStack()
        self._launched: Launched | None = None
        self._watched = watched and has_watch(scenario)
        self._beside: Beside = NOTHING_BESIDE

    def __enter__(self) -> Rig:
        with ExitStack() as stack:
            self._on_phase(LOADING_PROBE)
            self._probe = stack.enter_context(self._new_probe())
            by_others = {*OF_CONTAINER, CLIENT}
            gated = [m.stage for m in self._scenario.gate.of_runs if m.stage not in by_others]
            self._unmeasured = unmeasured_stages(
                gated, self._probe.stages, self._scenario.probe.detail
            ) + unmeasured_names(self._scenario.gate, logged=self._knows_names)
            alone = self._scenario.gate.interleave == "block"
            session = ServiceSession(
                self._client, self._scenario.service, self._directory, alone=alone
            )
            self._session = stack.enter_context(session)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with defer_signals():
            self._stack.close()

    def _new_probe(self) -> SocketProbe:
        room = probe_room(self._scenario, self._containers, watched=self._watched)
        detail = self._scenario.probe.detail
        return SocketProbe(room.connections, detail, stalls=True, targets=room.targets)

    @property
    def _knows_names(self) -> bool:
        """Whether requests of different names can be told apart, by the kernel or the driver."""
        return self._probe.watches_stalls or self._scenario.load.streams > 1

    @property
    def _containers(self) -> int:
        """Of each arm in a block."""
        return self._scenario.gate.containers_at_once

    @property
    def hooks(self) -> dict[str, str]:
        """Event -> hook in place."""
        return self._probe.hooks

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Gated stages that no hook of this kernel can show."""
        return self._unmeasured

    @property
    def notes(self) -> tuple[Note, ...]:
        """What of the scenario cannot be measured on this kernel, though it is not gated."""
        names = request_shares(self._scenario.load)
        if not names or self._knows_names:
            return ()
        return (Note(NoteCode.REQUESTS_NOT_MEASURED, ", ".join(names)),)

    @property
    def missed(self) -> int:
        """Probe invocations that the kernel missed so far."""
        return self._probe.missed()

    @property
    def cpu_notes(self) -> tuple[Note, ...]:
        """Which CPUs the arms of a pair have, or share."""
        return self._cpus.notes

    def fingerprint(self, *, paired: bool = False) -> Fingerprint:
        """What must match for numbers measured here to be compared with stored ones.

        ``paired``: of both arms side by side, which may have CPUs of their own.
        """
        with daemon_errors("asking its version"):
            docker = str(self._client.version().get("Version", "unknown"))
        rate = found_rate(self._scenario.load)
        each = self._cpus.each if paired else 0
        return fingerprint(self.hooks, DEFINITION, docker, rate, self._containers, each)

    @contextmanager
    def fleet(self, specs: Sequence[ArmSpec], seed: int, until_s: float) -> Iterator[Watching]:
        """Replicas of ``specs`` beside the pairs, in the probe's last slots, where there are any.

        ``until_s`` as of `Fleet`.
        """
        if not self._watched:
            yield NO_FLEET
            return
        targets = self._probe.targets
        fleet = Fleet(
            self._client,
            self._of(len(ARMS)),
            self._directory,
            self._probe,
            range(targets - len(ARMS), targets),
            specs,
            seed=seed,
            until_s=until_s,
            on_phase=self._on_phase,
        )
        with fleet:
            self._beside = fleet
            try:
                yield fleet
            finally:
                self._beside = NOTHING_BESIDE

    def pairs(self, index: int, seed: int, specs: Sequence[ArmSpec]) -> list[Pair]:
        """Measures baseline and candidate once; ``specs`` are in the order of ARMS.

        One pair, or those of a block: as many as ``gate.containers``, numbered from ``index`` on.
        Both at once, or one after the other, by ``gate.interleave``; containers serve
        ``gate.pairs_per_start`` measurements.  Recorded coin flips from ``seed`` decide who
        starts first, in a block the whole order, and who gets which CPU set.  Raises
        `InvalidMeasurement` when the service, the load of both arms, its driver or the probe
        failed, `UnfitEnvironment` (CONTAINERS_DO_NOT_FIT) when a block leaves no memory.
        """
        gate = self._scenario.gate
        if gate.interleave == "block":
            return [self._one_after_the_other(index, seed, specs)]
        up = self._launched or self._start(index, seed, specs)
        try:
            measured = self._measure(up.arms, seed)
            check_delivered(measured.undelivered, ARMS)
            check_well(measured.unwell)
        except BaseException:
            self._remove_containers()
            raise
        found = pairs_at_once(up, measured, index, seed, gate)
        up.note_measured()
        if up.measured == gate.pairs_per_start:
            self._remove_containers()
        return found

    def single(self, seed: int, spec: ArmSpec) -> Measurement:
        """Measures one image alone; raises as `pair`."""
        measured = self._single(seed, spec)
        check_delivered(measured.undelivered, [spec.arm])
        check_well_alone(measured.unwell)
        return measured

    def _single(self, seed: int, spec: ArmSpec) -> Measurement:
        up = self._start(0, seed, [spec], containers=1)
        try:
            return self._measure(up.arms, seed)
        finally:
            self._remove_containers()

    def _one_after_the_other(self, index: int, seed: int, specs: Sequence[ArmSpec]) -> Pair:
        """One arm alone after the other, both by the same schedule and on the same CPUs."""
        flip = coin(seed)
        both = [self._single(seed, specs[at]) for at in (flip, 1 - flip)]
        return pair_of_two(index, seed, ARMS[flip], both)

    def _start(
        self, index: int, seed: int, specs: Sequence[ArmSpec], containers: int | None = None
    ) -> Launched:
        obey_signal()
        self._on_phase(STARTING)
        swapped, order = starting_order(
            seed, specs, self._of(len(specs)).service, containers or self._containers
        )
        arms = self._session.start(order, meanwhile=self._beside.poll)
        log.info("containers of %s are up", ", ".join(arm.label for arm in arms))
        self._launched = Launched(arms, order[0].arm, swapped, index)
        if len(arms) > len(ARMS):
            self._check_memory()
        return self._launched

    def _check_memory(self) -> None:
        """A block that fills the memory would be measured while the machine pages."""
        try:
            check_memory_left(self._containers)
        except UnfitEnvironment:
            self._remove_containers()
            raise

    def _measure(self, arms: Sequence[RunningArm], seed: int) -> Measurement:
        measured = measure(
            self._probe,
            self._of(len(arms)),
            arms,
            seed,
            check_alive=self._session.check_alive,
            on_phase=self._on_phase,
            beside=self._beside,
        )
        unwell = {label: list(found) for label, found in measured.unwell.items()}
        for label, found in self._session.unhealthy(arms).items():
            unwell.setdefault(label, []).extend(found)
        return replace(measured, unwell=unwell)

    def _of(self, containers: int) -> Scenario:
        """As it is for so many: one alone has all CPUs."""
        return self._cpus.scenario if containers > 1 else self._scenario

    def _remove_containers(self) -> None:
        if self._launched is None:
            return
        self._on_phase(REMOVING)
        targets = self._probe.targets
        self._probe.forget_all(but=range(targets - self._beside.slots, targets))
        self._launched = None
        with defer_signals():
            self._session.stop()
