"""Containers up, measured, and gone: of both arms at once, of one after the other, of one alone.

`Rig` owns the network, the probe and nothing else that outlives it; `job.measurement` does the
measuring.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from socklat_gate.environment import fingerprint
from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.gated_stages import unmeasured_names, unmeasured_stages
from socklat_gate.job.measurement import Measurement, measure
from socklat_gate.job.named_requests import request_shares
from socklat_gate.job.noise import mean_noise
from socklat_gate.load.checks import check_delivered
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.pair import ARMS, Arm, Pair
from socklat_gate.probe.hook_table import DEFINITION
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.found_rate import found_rate
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession
from socklat_gate.stalls.labels import evidence_of_pair
from socklat_gate.wording.progress_lines import LOADING_PROBE, REMOVING, STARTING

__all__ = ["Measurement", "Rig"]

log = logging.getLogger(__name__)

STACK_TARGETS = 16
"""Containers of both stacks that are traced, those under test included."""

OnPhase = Callable[[str], None]


@dataclass(slots=True)
class _Launched:
    """Containers that are up: in the order of starting, and the pairs measured on them so far."""

    specs: list[ArmSpec]
    arms: tuple[RunningArm, ...]
    first: Arm
    swapped_cpusets: bool
    start: int
    pairs: int = 0


class Rig:
    """Context manager: the probe loaded and a private network up, for any number of runs.

    Raises `UnfitEnvironment` on entry when this machine cannot measure, `UsageError` when a gated
    stage needs more detail than the scenario's.
    """

    def __init__(
        self, client: DockerClient, scenario: Scenario, directory: Path, on_phase: OnPhase
    ) -> None:
        self._client = client
        self._scenario = scenario
        self._directory = directory
        self._on_phase = on_phase
        self._stack = ExitStack()
        self._launched: _Launched | None = None

    def __enter__(self) -> Rig:
        with ExitStack() as stack:
            self._on_phase(LOADING_PROBE)
            self._probe = stack.enter_context(self._new_probe())
            by_others = {"cpu", CLIENT}
            gated = [m.stage for m in self._scenario.gate.of_runs if m.stage not in by_others]
            self._unmeasured = unmeasured_stages(
                gated, self._probe.stages, self._scenario.probe.detail
            ) + unmeasured_names(self._scenario.gate, logged=self._knows_names)
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
        with defer_signals():
            self._stack.close()

    def _new_probe(self) -> SocketProbe:
        wanted = self._scenario.probe
        targets = STACK_TARGETS if self._scenario.service.compose else None
        return SocketProbe(wanted.max_connections, wanted.detail, stalls=True, targets=targets)

    @property
    def _knows_names(self) -> bool:
        """Whether requests of different names can be told apart, by the kernel or the driver."""
        return self._probe.watches_stalls or self._scenario.load.streams > 1

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

    def fingerprint(self) -> Fingerprint:
        """What must match for numbers measured here to be compared with stored ones."""
        docker = str(self._client.version().get("Version", "unknown"))
        rate = found_rate(self._scenario.load)
        return fingerprint(self.hooks, DEFINITION, docker, rate)

    def pair(self, index: int, seed: int, specs: Sequence[ArmSpec]) -> Pair:
        """Measures baseline and candidate; ``specs`` are in the order of ARMS.

        Both at once, or in blocks one after the other, by ``gate.interleave``; containers
        serve ``gate.pairs_per_start`` pairs.  Recorded coin flips from ``seed`` decide who
        starts first and who gets which CPU set.  Raises `InvalidMeasurement` when the service, the
        load of both arms, its driver or the probe failed.
        """
        gate = self._scenario.gate
        if gate.interleave == "block":
            return self._blocks(index, seed, specs)
        up = self._launched or self._start(index, seed, specs)
        try:
            measured = self._measure(up.arms, seed)
            check_delivered(measured.undelivered, ARMS)
        except BaseException:
            self._remove_containers()
            raise
        up.pairs += 1
        if up.pairs == gate.pairs_per_start:
            self._remove_containers()
        by_arm = dict(zip((spec.arm for spec in up.specs), measured.runs, strict=True))
        return Pair(
            index,
            seed,
            up.first,
            by_arm["baseline"],
            by_arm["candidate"],
            measured.noise,
            measured.excluded,
            interleave=gate.interleave,
            start=up.start if gate.pairs_per_start > 1 else None,
            swapped_cpusets=up.swapped_cpusets,
            stall_evidence=measured.labels.evidence,
        )

    def single(self, seed: int, spec: ArmSpec) -> Measurement:
        """Measures one image alone; raises as `pair`."""
        measured = self._single(seed, spec)
        check_delivered(measured.undelivered, [spec.arm])
        return measured

    def _single(self, seed: int, spec: ArmSpec) -> Measurement:
        up = self._start(0, seed, [spec])
        try:
            return self._measure(up.arms, seed)
        finally:
            self._remove_containers()

    def _blocks(self, index: int, seed: int, specs: Sequence[ArmSpec]) -> Pair:
        """One arm alone after the other, both by the same schedule and on the same CPUs."""
        flip = int(np.random.default_rng(seed).integers(2))
        one, other = (self._single(seed, specs[at]) for at in (flip, 1 - flip))
        check_delivered((*one.undelivered, *other.undelivered), ARMS)
        runs = (*one.runs, *other.runs)
        baseline, candidate = runs if flip == 0 else runs[::-1]
        noise = mean_noise(one.noise, other.noise)
        why = one.excluded or other.excluded
        weighed = [measured.labels.weighed for measured in (one, other)]
        evidence = (
            evidence_of_pair(*(weighed if flip == 0 else weighed[::-1])) if all(weighed) else {}
        )
        return Pair(
            index,
            seed,
            ARMS[flip],
            baseline,
            candidate,
            noise,
            why,
            interleave="block",
            stall_evidence=evidence,
        )

    def _start(self, index: int, seed: int, specs: Sequence[ArmSpec]) -> _Launched:
        obey_signal()
        self._on_phase(STARTING)
        flips = np.random.default_rng(seed).integers(2, size=2)
        first, swapped = int(flips[0]) % len(specs), bool(flips[1])
        placed = [
            replace(spec, cpuset=self._scenario.service.cpuset_of(arm, swapped=swapped))
            for arm, spec in enumerate(specs)
        ]
        # Whoever starts first also comes first in everything else: nothing stays with one arm.
        order = [placed[first], *(spec for at, spec in enumerate(placed) if at != first)]
        arms = self._session.start(order)
        log.info("containers of %s are up", " and ".join(arm.arm for arm in arms))
        self._launched = _Launched(order, arms, order[0].arm, swapped, index)
        return self._launched

    def _measure(self, arms: Sequence[RunningArm], seed: int) -> Measurement:
        check = self._session.check_alive
        return measure(
            self._probe, self._scenario, arms, seed, check_alive=check, on_phase=self._on_phase
        )

    def _remove_containers(self) -> None:
        if self._launched is None:
            return
        self._on_phase(REMOVING)
        self._probe.forget_all()
        self._launched = None
        with defer_signals():
            self._session.stop()
