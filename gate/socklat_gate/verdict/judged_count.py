"""The verdict on one count, and evidence by the sign of each cluster alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.verdict import CountVerdict
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.counted import Counted
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.rates import running_rate_evidence
from socklat_gate.verdict.together import carried_on
from socklat_gate.verdict.zone import waiver_in_force

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Waiver

__all__ = ["JudgedCount", "by_sign", "judged_count", "latest", "sign_evidence"]


@dataclass(frozen=True, slots=True)
class JudgedCount:
    """A count's verdict by itself, its part of alpha and log evidence after each cluster.

    ``held``: a pass waits unless it fails.
    """

    verdict: CountVerdict
    alpha: float
    log_evidence: Floats
    held: bool

    def settled(self, *, failed: bool) -> CountVerdict:
        """The verdict beside all that is judged (`verdict.together`)."""
        return replace(self.verdict, failed=failed, undecided=self.held and not failed)


def judged_count(
    name: str,
    found: Counted,
    alpha: float,
    running: Floats,
    waiver: Waiver | None,
    *,
    by_runs: bool,
    undecided: bool,
) -> JudgedCount:
    """By the log evidence ``running`` after each known cluster; ``undecided``: a pass waits."""
    log_evidence = float(running.max(initial=0.0))
    threshold = 1.0 / alpha
    failed = log_evidence >= math.log(threshold)
    (ours, theirs), (ours_of, theirs_of) = (
        (int(values[1].sum()), int(values[0].sum())) for values in (found.counts, found.totals)
    )
    verdict = CountVerdict(
        name=name,
        baseline_count=theirs,
        baseline_total=theirs_of,
        candidate_count=ours,
        candidate_total=ours_of,
        evidence=as_e_value(log_evidence),
        threshold=threshold,
        failed=failed,
        by_runs=by_runs,
        undecided=undecided and not failed,
        waived=waiver_in_force(waiver),
    )
    return JudgedCount(verdict, alpha, carried_on(running, found.known), undecided)


def by_sign(excess: Floats) -> Floats:
    """Log evidence after each cluster, by which arm has more in it; equal arms flip a coin."""
    return sign_evidence(np.sign(excess), 0.5)


def sign_evidence(sign: Floats, share: float) -> Floats:
    """The same where the candidate has more with probability ``share`` at what is tolerated."""
    return running_rate_evidence((sign > 0).astype(float), (sign < 0).astype(float), share)


def latest(running: Floats) -> float:
    """Evidence at this look, logarithm; unlike what fails, it may have shrunk since."""
    return float(running[-1]) if running.size else 0.0
