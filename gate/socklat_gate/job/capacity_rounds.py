"""Rounds of staircases: one of each arm, step by step in turns, on fresh containers."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.interrupt import defer_signals, obey_signal
from socklat_gate.job.progress import Progress
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.load.load_driver import Endpoint, Poll
from socklat_gate.load.step import LEAST_WITHIN_NS, Step, limit_from, run_step
from socklat_gate.measured.capacity import CapacityLimits, CapacityRound
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.pair import ARMS, Arm
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession
from socklat_gate.verdict.answers import answers_differ
from socklat_gate.verdict.staircase import Staircase
from socklat_gate.wording.capacity_text import step_phase
from socklat_gate.wording.progress_lines import STARTING

__all__ = ["LEAST_RPS", "CapacityRounds", "found_within"]

log = logging.getLogger(__name__)

START_RPS = 100.0
LEAST_RPS = 5.0
"""A service that does not carry this is no matter of capacity."""
PROBING_SHARE = 0.2
"""Of the scenario's rate: there the service is idle enough to show its latency without a queue."""


@dataclass
class CapacityRounds:
    """Measures one round after another; context manager of the network that they share.

    ``specs`` are in the order of ARMS.  ``limits`` with ``within_ns`` 0 get it from the baseline's
    latency at a low rate (`limit_from`), in the first round.  What is in ``rounds`` already is gone
    on from.
    """

    client: DockerClient
    scenario: Scenario
    directory: Path
    specs: Sequence[ArmSpec]
    seed: int
    progress: Progress
    limits: CapacityLimits
    rounds: list[CapacityRound] = field(default_factory=list)
    _answers: dict[Arm, dict[str, list[Answers]]] = field(
        default_factory=lambda: {a: {} for a in ARMS}
    )

    def __enter__(self) -> CapacityRounds:
        self._session = ServiceSession(self.client, self.scenario.service, self.directory)
        self._session.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        with defer_signals():
            self._session.__exit__(None, None, None)

    @property
    def differ(self) -> bool:
        """Whether what came back at rates that were carried differs between the arms."""
        return answers_differ(
            self._answers["baseline"], self._answers["candidate"], self.scenario.gate
        )

    @property
    def expected_s(self) -> float:
        """How long one more may take: as long as the longest so far, and 0 before the first.

        That one alone climbs from the bottom: it counts until there is another.
        """
        return max((one.duration_s for one in self.rounds[1:] or self.rounds), default=0.0)

    def measure(self) -> CapacityRound:
        """One more of ``rounds``.

        Raises `InvalidMeasurement` when a container died or the load's driver failed, and
        LOAD_REFUSED when one refuses connections whatever the rate, or the baseline carries not
        even `LEAST_RPS` requests a second.
        """
        obey_signal()
        index, started_s = len(self.rounds), time.monotonic()
        self.progress.step(f"round {index + 1}")
        seed = pair_seed(self.seed, index)
        first = ARMS[int(np.random.default_rng(seed).integers(2))]
        order = ARMS if first == ARMS[0] else ARMS[::-1]
        self.progress.phase(STARTING)
        specs = {spec.arm: spec for spec in self.specs}
        try:
            up = self._session.start([specs[arm] for arm in order])
            arms = {arm.arm: arm for arm in up}
            if not self.limits.within_ns:
                self.limits = replace(self.limits, within_ns=self._found_within(arms, seed))
            stairs = {arm: self._staircase() for arm in order}
            tried = self._climb(stairs, arms, seed)
        finally:
            with defer_signals():
                self._session.stop()
        _check_floor(stairs["baseline"])
        failed = {arm: [one for one in tried[arm] if not self._carried(one)] for arm in ARMS}
        limited = {arm: sum(one.driver_late for one in failed[arm]) for arm in ARMS}
        found = CapacityRound(
            index=index,
            seed=seed,
            first=first,
            baseline_rps=stairs["baseline"].estimate_rps,
            candidate_rps=stairs["candidate"].estimate_rps,
            steps=sum(map(len, tried.values())),
            failed_steps=sum(map(len, failed.values())),
            driver_limited=sum(limited.values()),
            duration_s=time.monotonic() - started_s,
            baseline_failed_steps=len(failed["baseline"]),
            baseline_driver_limited=limited["baseline"],
        )
        self.rounds.append(found)
        return found

    def _climb(
        self, stairs: dict[Arm, Staircase], arms: dict[Arm, RunningArm], seed: int
    ) -> dict[Arm, list[Step]]:
        tried: dict[Arm, list[Step]] = {arm: [] for arm in ARMS}
        while any(stair.next_rps is not None for stair in stairs.values()):
            for arm, stair in stairs.items():
                rate = stair.next_rps
                if rate is None:
                    continue
                self.progress.phase(step_phase(arm, rate))
                # Both arms have the same arrivals at their n-th step: chance is no difference.
                step = self._step(arms[arm], rate, seed + len(tried[arm]), fresh=not tried[arm])
                carried = self._carried(step)
                stair.record(carried=carried)
                tried[arm].append(step)
                if carried:
                    for name, answers in step.answers.items():
                        self._answers[arm].setdefault(name, []).append(answers)
        return tried

    def _step(self, arm: RunningArm, rate: float, seed: int, *, fresh: bool) -> Step:
        where, load = Endpoint(arm.host, arm.port, arm.arm), self.scenario.load
        within_ns = self.limits.within_ns
        try:
            step = run_step(load, where, rate, seed, within_ns, self._poll, fresh=fresh)
        except InvalidMeasurement as error:
            # It is not the rate of the scenario.
            what = f"{arm.arm} at {rate:,.0f} requests a second"
            raise error.while_at(f"{what}, in round {len(self.rounds) + 1} of capacity") from None
        log.info("%s at %.0f/s: %d of %d in time", arm.arm, rate, step.in_time, step.planned)
        return step

    def _poll(self) -> None:
        obey_signal()
        self._session.check_alive()

    def _carried(self, step: Step) -> bool:
        allowed = max(1.0 - self.limits.share, self.scenario.load.max_errors)
        return step.share >= self.limits.share and step.errors <= allowed * step.planned

    def _staircase(self) -> Staircase:
        # Both begin where the baseline ended: what the candidate is tried at is not its choice.
        if not self.rounds:
            return Staircase(_usual_rate(self.scenario), least_rps=LEAST_RPS)
        return Staircase(self.rounds[-1].baseline_rps, known=True, least_rps=LEAST_RPS)

    def _found_within(self, arms: dict[Arm, RunningArm], seed: int) -> int:
        baseline = arms["baseline"]
        where = Endpoint(baseline.host, baseline.port)
        return found_within(self.scenario, where, seed, self._poll)


def found_within(scenario: Scenario, where: Endpoint, seed: int, poll: Poll) -> int:
    """How long a response may take, in ns, from the baseline's latency at a low rate."""
    rate = max(LEAST_RPS, PROBING_SHARE * _usual_rate(scenario))
    longest_ns = round(scenario.load.timeout_s * 1e9)
    idle = run_step(scenario.load, where, rate, seed, longest_ns, poll, fresh=True)
    found = limit_from(idle)
    return max(LEAST_WITHIN_NS, found)


def _usual_rate(scenario: Scenario) -> float:
    load = scenario.load
    return START_RPS if load.rate == "auto" else mean_rate(load)


def _check_floor(stair: Staircase) -> None:
    if stair.at_limit and stair.estimate_rps <= LEAST_RPS:
        raise InvalidMeasurement(
            Reason.LOAD_REFUSED,
            f"the baseline does not carry {LEAST_RPS:g} requests a second within the limit",
            remedy="raise within_ms, or check that the requests of [load] succeed",
        )
