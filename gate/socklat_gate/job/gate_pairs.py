"""The pairs or blocks of a gate: one after another until they decide, or the budget is spent."""

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
from socklat_gate.measured.facts import Note
from socklat_gate.measured.open_verdict import (
    NAMING_PAIRS,
    blocked,
    counting,
    settled,
    unnamed,
    waits_for_rounds,
)
from socklat_gate.measured.pair import Pair, moments
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario import Scenario, Waiver
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.decide import decide
from socklat_gate.wording.changes import pair_word
from socklat_gate.wording.progress_lines import excluded_line, excluded_note, pair_step

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
            self.progress.step(pair_step(moments(used) + 1, limits.max_pairs, self._containers))
            try:
                excluded = self._measure_once()
            except InvalidMeasurement:
                if failed:
                    return failed[-1]
                raise
            left_s = self.budget.left_s()
            done = moments(used)
            spent = self.budget.spent(done, left_s)
            verdict = decide(
                used, limits, budget_spent=spent, waivers=self.waivers, stored=self.stored
            )
            if not excluded:
                self.progress.pair_done(done, limits.max_pairs, verdict, left_s)
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
            hopeless = done == 1 and blocked(verdict)
            if (hopeless and not counting(verdict)) or settled(verdict):
                return verdict  # no pair like this can ever pass, or fail

    @property
    def _containers(self) -> int:
        """Of each arm at the same time; there are pairs once it is chosen."""
        chosen = self.scenario.gate.containers
        return 1 if chosen == "auto" else chosen

    def _measure_once(self) -> Note | None:
        """One more pair or block, among those used, or why it is not.

        Raises `InvalidMeasurement`.
        """
        index, used = len(self.pairs), self._used
        log.info("pair %d begins", index)
        measured = self.rig.pairs(index, pair_seed(self.seed, index), self.specs)
        self.pairs += measured
        why = measured[0].excluded
        log.info("pair %d ends%s", measured[-1].index, excluded_note(why))
        if why is None:
            used += measured
            return None
        self.progress.line(excluded_line(pair_word(len(measured)), why))
        unused = moments(self.pairs) - moments(used)
        check_excluded(self.scenario, unused, moments(used), why)
        return why
