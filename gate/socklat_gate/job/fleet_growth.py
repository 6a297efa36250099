"""When how many replicas start: two before the first pair, then even parts, while memory lasts.

Starting one takes as long as starting a container of a pair, and a gross change is red after two
blocks: it shall not wait for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from socklat_gate.job.block_size import GROWTH
from socklat_gate.job.container_use import use_of
from socklat_gate.job.fleet_size import step_of
from socklat_gate.job.fleet_use import FleetPlan, choose, replicas_note
from socklat_gate.job.memory_left import RESERVE_BYTES, memory_left_bytes
from socklat_gate.measured.facts import Note
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.watch import LEAST
from socklat_gate.service.arm import RunningArm
from socklat_gate.service.free_networks import NetworkRoom
from socklat_gate.verdict.watch_renewal import GENERATIONS, SMALL

__all__ = ["FleetGrowth"]

log = logging.getLogger(__name__)

NONE = FleetPlan(0, 0, None, None)

LEAST_LEFT_S = 30.0
"""Of the job: new ones take some seconds to start, and show nothing at once."""


@dataclass
class FleetGrowth:
    """Nothing is known of it until the `first` replica of each arm was weighed."""

    scenario: Scenario
    _plan: FleetPlan | None = None

    @property
    def begun(self) -> bool:
        """Whether it is known how many there will be."""
        return self._plan is not None

    @property
    def missing(self) -> bool:
        """Whether there will be none: too few fit."""
        return self._plan is not None and not self._plan.most

    @property
    def wanted(self) -> int:
        """Of each arm, those that a pass waits for."""
        return LEAST if self._plan is None else max(LEAST, self._plan.wanted)

    @property
    def renewed(self) -> bool:
        """Whether they are replaced, once they have no more to show."""
        return self._plan is not None and 0 < self._plan.most <= SMALL

    def may_renew(self, up: int, generation: int, left_s: float) -> bool:
        """Whether those of a generation (0: the first) can be, ``left_s`` before the job's end.

        ``up`` of each arm are there: all that there will be.
        """
        if self._plan is None or not self.renewed or up < self._plan.most:
            return False
        return generation < GENERATIONS - 1 and left_s >= LEAST_LEFT_S

    @property
    def notes(self) -> tuple[Note, ...]:
        """Why there are not more."""
        return (self._plan.note,) if self._plan is not None and self._plan.note else ()

    def give_up(self, why: str) -> None:
        """There will be none."""
        self._plan = replace(NONE, note=replicas_note(why, 0, self.scenario))

    def first(self, arms: Sequence[RunningArm], networks: NetworkRoom | None = None) -> None:
        """Chooses by what these ready ones take, of which no others are up."""
        self._plan = choose(self.scenario, use_of(arms), up=len(arms), networks=networks)
        log.info("replicas of the watch: %s", self._plan)

    def next(self, up: int) -> int:
        """Of each arm, how many start now with ``up`` of each there; 0 once all are.

        One alone is none: it could show nothing, and would let everything pass.
        """
        plan = self._plan
        assert plan is not None, "the first ones are weighed"
        step = step_of(plan.most)
        steps = 0 if up < LEAST else (up - LEAST) // step + 1
        more = min(plan.most, LEAST + steps * step) - up
        if more <= 0 or self._fits(plan, more):
            return max(0, more)
        free = max(0, (memory_left_bytes() or 0) - RESERVE_BYTES)
        numbers = {"each_bytes": GROWTH * (plan.each_bytes or 0), "free_bytes": free}
        asked = self.scenario.gate.watch.replicas
        most = up if up >= LEAST else 0
        note = replicas_note("memory", most, self.scenario, numbers)
        self._plan = replace(plan, most=most, wanted=most if asked == "auto" else asked, note=note)
        return 0

    def _fits(self, plan: FleetPlan, more: int) -> bool:
        """Whether they leave what the pairs need, and what others may have taken meanwhile."""
        left = memory_left_bytes()
        if left is None or plan.each_bytes is None:
            return True
        all_of_them = 2 * (more + self.scenario.gate.containers_at_once)
        return left - RESERVE_BYTES >= all_of_them * plan.each_bytes
