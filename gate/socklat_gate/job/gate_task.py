"""What the pairs of a gate and the rounds after them have in common, and how both are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from socklat_gate.errors import Reason
from socklat_gate.job.budget import Budget
from socklat_gate.job.progress import Progress
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Verdict
from socklat_gate.measured.watch import Watch
from socklat_gate.scenario import Scenario, Waiver
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.capacity import MeasuredCapacity
from socklat_gate.verdict.decide import decide

__all__ = ["GateTask"]


@dataclass
class GateTask:
    """``specs`` are measured, in the order of ARMS, within ``budget``.

    ``pairs`` are all that were measured, those excluded among them, and grow; ``watch`` is what was
    seen of the replicas beside them when it was judged last.
    """

    scenario: Scenario
    specs: Sequence[ArmSpec]
    budget: Budget
    seed: int
    progress: Progress
    waivers: Sequence[Waiver] = ()
    stored: Sequence[Campaign] = ()
    pairs: list[Pair] = field(default_factory=list)
    watch: Watch | None = None

    def decide(
        self,
        pairs: Sequence[Pair],
        budget_spent: Reason | None,
        capacity: MeasuredCapacity | None = None,
    ) -> Verdict:
        """By these ``pairs``, the watch, and rounds where there were some."""
        return decide(
            pairs,
            self.scenario.gate,
            budget_spent=budget_spent,
            waivers=self.waivers,
            stored=self.stored,
            capacity=capacity,
            watch=self.watch,
        )
