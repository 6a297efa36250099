"""The pairs of a gate: one after another until they decide, or the budget is spent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.job.budget import Budget
from socklat_gate.job.progress import Progress
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import check_excluded, pair_seed
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.open_verdict import (
    NAMING_PAIRS,
    blocked,
    counting,
    settled,
    unnamed,
    waits_for_rounds,
)
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario import Scenario, Waiver
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.decide import decide
from socklat_gate.wording.progress_lines import excluded_line, excluded_note

__all__ = ["GatePairs"]

log = logging.getLogger(__name__)


@dataclass
class GatePairs:
    """Measures ``pairs`` (those excluded among them) of ``specs``, in the order of ARMS."""

    rig: Rig
    scenario: Scenario
    specs: Sequence[ArmSpec]
    budget: Budget
    seed: int
    progress: Progress
    waivers: Sequence[Waiver]
    stored: Sequence[Campaign]
    pairs: list[Pair]
    _used: list[Pair] = field(default_factory=list)

    def measure(self) -> Verdict:
        """The verdict that ends them; one that `waits_for_rounds` has no budget reason.

        Raises `InvalidMeasurement`, with what was measured before it in ``pairs``.
        """
        limits = self.scenario.gate
        used = self._used
        failed: list[Verdict] = []  # without a name for what got slower
        while True:
            self.progress.step(f"pair {len(used) + 1}/{limits.max_pairs}")
            try:
                pair = self._next_pair()
            except InvalidMeasurement:
                if failed:
                    return failed[-1]
                raise
            left_s = self.budget.left_s()
            spent = self.budget.spent(len(used), left_s)
            verdict = decide(
                used, limits, budget_spent=spent, waivers=self.waivers, stored=self.stored
            )
            if not pair.excluded:
                self.progress.pair_done(len(used), limits.max_pairs, verdict, left_s)
            if failed and verdict.outcome is not Outcome.REGRESSION:
                # The pair took evidence out of account: what it lacks is not judged any more.
                return failed[-1]
            if unnamed(verdict) and len(failed) < NAMING_PAIRS and not spent:
                failed.append(verdict)
                continue
            if verdict.outcome is not Outcome.INCONCLUSIVE or spent:
                return verdict
            if waits_for_rounds(verdict):
                return verdict
            hopeless = len(used) == 1 and blocked(verdict)
            if (hopeless and not counting(verdict)) or settled(verdict):
                return verdict  # no pair like this can ever pass, or fail

    def _next_pair(self) -> Pair:
        """One more pair, among those used if it is; raises `InvalidMeasurement`."""
        pair = self._measure_pair()
        if pair.excluded:
            self.progress.line(excluded_line("pair", pair.excluded))
            unused = len(self.pairs) - len(self._used)
            check_excluded(self.scenario, unused, len(self._used), pair.excluded)
        else:
            self._used.append(pair)
        return pair

    def _measure_pair(self) -> Pair:
        index = len(self.pairs)
        log.info("pair %d begins", index)
        pair = self.rig.pair(index, pair_seed(self.seed, index), self.specs)
        self.pairs.append(pair)
        log.info("pair %d ends%s", index, excluded_note(pair.excluded))
        return pair
