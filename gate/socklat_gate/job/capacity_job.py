"""``socklat-gate capacity``: staircases of both arms on fresh containers, until decided."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.commit import current_commit
from socklat_gate.job.progress import Progress
from socklat_gate.job.run_job import pair_seed, utc_now
from socklat_gate.load.load_driver import Endpoint, Poll
from socklat_gate.load.step import LEAST_WITHIN_NS, Step, limit_from, run_step
from socklat_gate.measured.capacity import (
    CapacityLimits,
    CapacityResult,
    CapacityRound,
    CapacityVerdict,
)
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.pair import ARMS, Arm
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession
from socklat_gate.verdict.answers import answers_differ
from socklat_gate.verdict.capacity import judge_capacity
from socklat_gate.verdict.staircase import Staircase
from socklat_gate.wording.capacity_text import round_line, step_phase
from socklat_gate.wording.progress_lines import STARTING

__all__ = ["CapacityJob"]

log = logging.getLogger(__name__)

START_RPS = 100.0
LEAST_RPS = 5.0
"""A service that does not carry this is no matter of capacity."""
PROBING_SHARE = 0.2
"""Of the scenario's rate: there the service is idle enough to show its latency without a queue."""


@dataclass
class CapacityJob:
    """Rounds until the evidence is in or ``minutes`` are spent.

    ``within_ms`` None: found from the baseline's latency at a low rate (`limit_from`).
    """

    client: DockerClient
    scenario: Scenario
    directory: Path
    baseline: ImageRef
    candidate: ImageRef
    seed: int
    progress: Progress
    within_ms: float | None
    share: float
    tolerance: float
    threshold: float
    minutes: float
    _known_rps: float | None = None
    _limits: CapacityLimits | None = None
    _answers: dict[Arm, dict[str, list[Answers]]] = field(
        default_factory=lambda: {a: {} for a in ARMS}
    )

    def run(self) -> CapacityResult:
        """Measures.

        Raises `InvalidMeasurement` when a container died or the load's driver failed, and
        LOAD_REFUSED when the baseline carries not even `LEAST_RPS` requests a second.
        """
        started_s = time.monotonic()
        created, commit = utc_now(), current_commit(self.directory)
        rounds: list[CapacityRound] = []
        service = self.scenario.service
        with ServiceSession(self.client, service, self.directory) as session:
            while True:
                self.progress.step(f"round {len(rounds) + 1}")
                rounds.append(self._round(session, len(rounds)))
                limits = self._limits
                assert limits is not None, "the first round found them"
                spent = time.monotonic() - started_s > 60 * self.minutes
                verdict = judge_capacity(rounds, limits, differ=self._differ())
                self.progress.line(round_line(rounds[-1], verdict))
                if spent or verdict.outcome is not Outcome.INCONCLUSIVE or self._hopeless(verdict):
                    break
        return CapacityResult(
            scenario_name=self.scenario.name,
            created=created,
            commit=commit,
            seed=self.seed,
            baseline_image=self.baseline.reference,
            candidate_image=self.candidate.reference,
            limits=limits,
            rounds=tuple(rounds),
            verdict=verdict,
            duration_s=time.monotonic() - started_s,
        )

    @staticmethod
    def _hopeless(verdict: CapacityVerdict) -> bool:
        return verdict.reason in (Reason.LOAD_NOT_DELIVERED, Reason.ANSWERS_DIFFER)

    def _differ(self) -> bool:
        """Whether what came back at rates that were carried differs between the arms."""
        return answers_differ(
            self._answers["baseline"], self._answers["candidate"], self.scenario.gate
        )

    def _round(self, session: ServiceSession, index: int) -> CapacityRound:
        """One staircase of each arm, step by step in turns."""
        obey_signal()
        started_s = time.monotonic()
        seed = pair_seed(self.seed, index)
        flips = np.random.default_rng(seed).integers(2, size=2)
        first = ARMS[int(flips[0])]
        order = ARMS if first == ARMS[0] else ARMS[::-1]
        self.progress.phase(STARTING)
        specs = {
            "baseline": ArmSpec("baseline", self.baseline, self.scenario.baseline.command),
            "candidate": ArmSpec("candidate", self.candidate),
        }
        up = session.start([specs[arm] for arm in order])

        def poll() -> None:
            obey_signal()
            session.check_alive()

        try:
            arms = {arm.arm: arm for arm in up}
            if self._limits is None:
                self._limits = self._found_limits(arms["baseline"], seed, poll)
            stairs = {arm: self._staircase() for arm in order}
            tried = self._climb(stairs, arms, seed, poll)
        finally:
            with defer_signals():
                session.stop()
        failed = [step for step in tried if not self._carried(step)]
        self._known_rps = stairs["baseline"].estimate_rps
        self._check_floor(stairs["baseline"])
        return CapacityRound(
            index=index,
            seed=seed,
            first=first,
            baseline_rps=self._known_rps,
            candidate_rps=stairs["candidate"].estimate_rps,
            steps=len(tried),
            failed_steps=len(failed),
            driver_limited=sum(step.driver_late for step in failed),
            duration_s=time.monotonic() - started_s,
        )

    def _climb(
        self,
        stairs: dict[Arm, Staircase],
        arms: dict[Arm, RunningArm],
        seed: int,
        poll: Poll,
    ) -> list[Step]:
        tried: list[Step] = []
        while any(stair.next_rps is not None for stair in stairs.values()):
            for arm, stair in stairs.items():
                rate = stair.next_rps
                if rate is None:
                    continue
                self.progress.phase(step_phase(arm, rate))
                step = self._step(arms[arm], rate, seed + len(tried), poll)
                carried = self._carried(step)
                stair.record(carried=carried)
                tried.append(step)
                if carried:
                    for name, answers in step.answers.items():
                        self._answers[arm].setdefault(name, []).append(answers)
        return tried

    def _step(self, arm: RunningArm, rate: float, seed: int, poll: Poll) -> Step:
        assert self._limits is not None, "the first round found them"
        where = Endpoint(arm.host, arm.port)
        step = run_step(self.scenario.load, where, rate, seed, self._limits.within_ns, poll)
        log.info("%s at %.0f/s: %d of %d in time", arm.arm, rate, step.in_time, step.planned)
        return step

    def _carried(self, step: Step) -> bool:
        assert self._limits is not None, "the first round found them"
        allowed = max(1.0 - self._limits.share, self.scenario.load.max_errors)
        return step.share >= self._limits.share and step.errors <= allowed * step.planned

    def _staircase(self) -> Staircase:
        # Both begin where the baseline ended: what the candidate is tried at is not its choice.
        known = self._known_rps
        start = self._usual_rate() if known is None else known
        return Staircase(start, known=known is not None, least_rps=LEAST_RPS)

    def _usual_rate(self) -> float:
        load = self.scenario.load
        return START_RPS if load.rate == "auto" else mean_rate(load)

    def _found_limits(self, baseline: RunningArm, seed: int, poll: Poll) -> CapacityLimits:
        within_ns = LEAST_WITHIN_NS
        if self.within_ms is not None:
            within_ns = round(1e6 * self.within_ms)
        else:
            rate = max(LEAST_RPS, PROBING_SHARE * self._usual_rate())
            longest_ns = round(self.scenario.load.timeout_s * 1e9)
            where = Endpoint(baseline.host, baseline.port)
            idle = run_step(self.scenario.load, where, rate, seed, longest_ns, poll)
            within_ns = limit_from(idle)
        gate = self.scenario.gate
        return CapacityLimits(
            within_ns=within_ns,
            share=self.share,
            tolerance=self.tolerance,
            threshold=self.threshold,
            alpha=gate.alpha,
            alpha_pass=gate.alpha_pass,
        )

    def _check_floor(self, stair: Staircase) -> None:
        if stair.at_limit and stair.estimate_rps <= LEAST_RPS:
            raise InvalidMeasurement(
                Reason.LOAD_REFUSED,
                f"the baseline does not carry {LEAST_RPS:g} requests a second within the limit",
                remedy="raise --within-ms, or check that the requests of [load] succeed",
            )
