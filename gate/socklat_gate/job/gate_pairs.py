"""The pairs or blocks of a gate: one after another until they decide, or the budget is spent.

Replicas that stay up beside them are watched for as long; where all would pass and only they were
not watched for long enough, the pairs end and the watch goes on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.gate_task import GateTask
from socklat_gate.job.no_fleet import NO_FLEET, Watching
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import check_excluded
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.facts import Note
from socklat_gate.measured.open_verdict import (
    NAMING_PAIRS,
    blocked,
    counting,
    settled,
    unnamed,
    waits_for_rounds,
    waits_for_watch,
)
from socklat_gate.measured.pair import Pair, moments
from socklat_gate.measured.verdict import STUCK, Outcome, Verdict
from socklat_gate.wording.changes import pair_word
from socklat_gate.wording.progress_lines import (
    ENDING_WATCH,
    excluded_line,
    excluded_note,
    pair_step,
    watch_line,
)

__all__ = ["GatePairs"]

log = logging.getLogger(__name__)

LOOK_S = 5.0
LINE_S = 20.0
"""Of the watch: so often it is judged, and so often a line of it is left."""

PAUSE_S = 0.2
STUCK_S = 60.0
"""So long the watch goes on where time alone takes nothing of what keeps the pass away."""


@dataclass
class GatePairs:
    """Measures those of ``task`` in ``rig``, beside ``fleet``."""

    rig: Rig
    task: GateTask
    fleet: Watching = NO_FLEET
    _used: list[Pair] = field(default_factory=list)

    def measure(self) -> Verdict:
        """The verdict that ends them; one that `waits_for_rounds` has no budget reason.

        Raises `InvalidMeasurement`, with what was measured before it in the task.
        """
        verdict = self._measure()
        if waits_for_watch(verdict):
            verdict = self._watch_on(verdict)
        ends = verdict.outcome is Outcome.PASS or waits_for_rounds(verdict)
        if self.task.watch is None or not ends:
            return verdict
        # Only at the end the driver's own counts of the replicas are known.
        self.task.progress.phase(ENDING_WATCH)
        self.fleet.finish()
        return self._decide(self._spent())

    def _measure(self) -> Verdict:
        """With pairs: to the end, or until only the watch keeps a pass away."""
        task, limits = self.task, self.task.scenario.gate
        used = self._used
        failed: list[Verdict] = []  # without a name for what got slower
        growing = True
        verdict: Verdict | None = None
        while True:
            task.progress.step(
                pair_step(moments(used) + 1, limits.max_pairs, limits.containers_at_once)
            )
            try:
                if growing:
                    self.fleet.grow()
                self._renew(verdict)
                excluded = self._measure_once()
            except InvalidMeasurement:
                if failed:
                    return failed[-1]
                raise
            left_s = task.budget.left_s()
            done = moments(used)
            spent = task.budget.spent(done, left_s)
            verdict = self._decide(spent)
            growing = not _nearly_failed(verdict)
            if not excluded:
                task.progress.pair_done(done, limits.max_pairs, verdict, left_s)
            if failed and verdict.outcome is not Outcome.REGRESSION:
                # The pair took evidence out of account: what it lacks is not judged any more.
                return failed[-1]
            if unnamed(verdict) and len(failed) < NAMING_PAIRS and not spent:
                failed.append(verdict)
                continue
            if verdict.outcome is not Outcome.INCONCLUSIVE or spent:
                return verdict
            if waits_for_rounds(verdict) or waits_for_watch(verdict):
                return verdict
            hopeless = done == 1 and blocked(verdict)
            if (hopeless and not counting(verdict)) or settled(verdict):
                return verdict  # no pair like this can ever pass, or fail

    def _watch_on(self, verdict: Verdict) -> Verdict:
        """Without further pairs, until the watch decides or the minutes are over."""
        task = self.task
        task.progress.step("")
        said_s = -LINE_S
        stuck_s = 0.0
        while waits_for_watch(verdict) and not self.fleet.missing:
            stuck_s = stuck_s + LOOK_S if _only_stuck(verdict) else 0.0
            if stuck_s > STUCK_S:
                break
            left_s = task.budget.left_s()
            if left_s <= 0:
                verdict = self._decide(self._spent())  # the last one came before that
                break
            assert task.watch is not None, "a verdict waits for it"
            line = watch_line(task.watch, verdict.stops)
            task.progress.phase(line)
            if time.monotonic() - said_s >= LINE_S:
                said_s = time.monotonic()
                task.progress.line(line)
            self.fleet.grow()
            self._renew(verdict)
            self.fleet.wait(min(LOOK_S, left_s, _missing_s(verdict)))
            verdict = self._decide(self._spent())
        return verdict

    def _renew(self, verdict: Verdict | None) -> None:
        """New replicas, once those that are up have shown what they can.

        Whoever stopped, and however near the end is: looking at labels here would make the evidence
        worth less.
        """
        if verdict is not None and verdict.stops is not None and verdict.stops.shown:
            self.fleet.renew()

    def _decide(self, spent: Reason | None) -> Verdict:
        self.task.watch = self.fleet.watch()
        return self.task.decide(self._used, spent)

    def _spent(self) -> Reason | None:
        """While the watch alone is waited for, which no further pairs would help: minutes first."""
        budget = self.task.budget
        left_s = budget.left_s()
        if left_s <= 0:
            return Reason.BUDGET_MINUTES
        return budget.spent(moments(self._used), left_s)

    def _measure_once(self) -> Note | None:
        """One more pair or block, among those used, or why it is not.

        Raises `InvalidMeasurement`.
        """
        task, used = self.task, self._used
        index = len(task.pairs)
        log.info("pair %d begins", index)
        measured = self.rig.pairs(index, pair_seed(task.seed, index), task.specs)
        task.pairs += measured
        why = measured[0].excluded
        log.info("pair %d ends%s", measured[-1].index, excluded_note(why))
        if why is None:
            used += measured
            return None
        task.progress.line(excluded_line(pair_word(len(measured)), why))
        unused = moments(task.pairs) - moments(used)
        check_excluded(task.scenario, unused, moments(used), why)
        return why


def _nearly_failed(verdict: Verdict) -> bool:
    """Whether the next pair may well be the last: no further replicas are worth their start."""
    together = verdict.together
    return together is not None and together.evidence > together.threshold**0.5


def _only_stuck(verdict: Verdict) -> bool:
    facts = [fact for fact in verdict.reasons if fact.code is Reason.WATCH_OPEN]
    return all(set(fact.numbers) <= STUCK for fact in facts)


def _missing_s(verdict: Verdict) -> float:
    """Until it can pass, if it is the time that is missing."""
    missing_s = verdict.stops.missing_s if verdict.stops else 0.0
    return max(PAUSE_S, missing_s) if missing_s > 0 else LOOK_S
