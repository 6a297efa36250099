"""The verdict of a gate that compares nothing: by absolute limits, from the candidate's runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact, Scalar
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.verdict.limits import (
    judge_limits,
    lacking_facts,
    limit_facts,
    undecided_limits,
)
from socklat_gate.verdict.overlap import overlap_fact
from socklat_gate.verdict.unseen import unseen_requests

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = ["decide_by_limits"]


def decide_by_limits(
    runs: Sequence[Run], gate: Gate, budget_spent: Reason | None = None
) -> Verdict:
    """Verdict over runs of the candidate alone: there is nothing that they could be compared with.

    REGRESSION (ABOVE_LIMIT) as soon as one limit is shown to be exceeded; PASS (WITHIN_LIMITS) as
    soon as all are shown to be kept and no named request was without exchanges (REQUEST_NOT_SEEN);
    otherwise INCONCLUSIVE.  ``budget_spent`` as for
    `verdict.decide.decide`.
    """
    limits = judge_limits(runs, np.arange(len(runs)), gate)
    overlap = overlap_fact(runs, "candidate", gate.max_overlap)
    numbers: dict[str, Scalar] = {"pairs": len(runs)}
    if overlap is not None:
        limits, reasons = undecided_limits(limits), [overlap]
    else:
        above = limit_facts(limits, Outcome.REGRESSION)
        unseen = unseen_requests(runs, runs) if runs else []
        reasons = [*above, *lacking_facts(limits), *unseen]
        kept = all(one.verdict.verdict is Outcome.PASS for one in limits) and not unseen
        if above or kept:
            outcome = Outcome.REGRESSION if above else Outcome.PASS
            facts = reasons or [ReasonFact(Reason.WITHIN_LIMITS, numbers=numbers)]
            return Verdict(outcome, tuple(facts), limits=tuple(one.verdict for one in limits))
        reasons += limit_facts(limits, Outcome.INCONCLUSIVE)
    if budget_spent is not None:
        reasons.append(ReasonFact(budget_spent, numbers=numbers))
    shown = tuple(one.verdict for one in limits)
    return Verdict(Outcome.INCONCLUSIVE, tuple(reasons), limits=shown)
