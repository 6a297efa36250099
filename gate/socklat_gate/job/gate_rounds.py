"""The rounds of a gate that has a metric of stage ``capacity``: they follow its pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.capacity_rounds import CapacityRounds
from socklat_gate.job.gate_task import GateTask
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.open_verdict import NAMING_PAIRS, rounds_may_decide, unnamed
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.verdict.capacity import MeasuredCapacity, capacity_limits
from socklat_gate.wording.capacity_text import no_round_line, round_line

__all__ = ["GateRounds"]

COINS = 1_000_000
"""No pair has this index: a round's coin says nothing about those of the pairs."""


@dataclass
class GateRounds:
    """Rounds beside the pairs of ``task``, until they decide or one more would take too long."""

    client: DockerClient
    directory: Path
    task: GateTask
    measured: MeasuredCapacity = field(default_factory=MeasuredCapacity)

    def measure(self, verdict: Verdict) -> Verdict:
        """The verdict with rounds, from that of the pairs: the same where these cannot change it.

        Raises `InvalidMeasurement` as `CapacityRounds.measure` does.
        """
        if self.task.scenario.gate.capacity_metric is None or not rounds_may_decide(verdict):
            return verdict
        if self.task.budget.left_s() <= 0:
            return self._decide(_pairs_spent(verdict) or Reason.BUDGET_MINUTES)
        with self._rounds() as rounds:
            return self._measure(rounds, pairs_spent=_pairs_spent(verdict))

    def _measure(self, rounds: CapacityRounds, *, pairs_spent: Reason | None) -> Verdict:
        failed: list[Verdict] = []  # without a name for what got worse
        while True:
            try:
                last = rounds.measure()
            except InvalidMeasurement:
                if failed:
                    return failed[-1]
                raise
            self.measured = MeasuredCapacity(
                tuple(rounds.rounds), rounds.limits.within_ns, rounds.differ
            )
            left_s = self.task.budget.left_s()
            spent = Reason.BUDGET_MINUTES if left_s < rounds.expected_s else None
            verdict = self._decide(spent or pairs_spent)
            assert verdict.capacity is not None, "the gate has the metric"
            self.task.progress.line(round_line(last, verdict.capacity.verdict))
            if spent is None and unnamed(verdict) and len(failed) < NAMING_PAIRS:
                failed.append(verdict)
                continue
            open_ = verdict.capacity.verdict.reason is Reason.CAPACITY_UNDECIDED
            if verdict.outcome is not Outcome.INCONCLUSIVE or not open_:
                return verdict
            if spent:
                self.task.progress.line(no_round_line(rounds.expected_s, left_s))
                return verdict

    def _decide(self, budget_spent: Reason | None) -> Verdict:
        return self.task.decide(self.task.pairs, budget_spent, self.measured)

    def _rounds(self) -> CapacityRounds:
        task, gate = self.task, self.task.scenario.gate
        metric = gate.capacity_metric
        assert metric is not None, "asked before"
        within_ns = round(1e6 * metric.within_ms) if metric.within_ms is not None else 0
        waiver = next((one for one in task.waivers if one.metric == CAPACITY_RPS), None)
        return CapacityRounds(
            client=self.client,
            scenario=task.scenario,
            directory=self.directory,
            specs=task.specs,
            seed=pair_seed(task.seed, COINS),
            progress=task.progress,
            limits=capacity_limits(metric, gate, within_ns, waiver),
        )


def _pairs_spent(verdict: Verdict) -> Reason | None:
    spent = any(fact.code is Reason.BUDGET_PAIRS for fact in verdict.reasons)
    return Reason.BUDGET_PAIRS if spent else None
