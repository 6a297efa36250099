"""Named requests that one arm never got: nothing is known of them, so no pass speaks for them."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import request_names

__all__ = ["unseen_requests"]


def unseen_requests(baseline: Sequence[Run], candidate: Sequence[Run]) -> list[ReasonFact]:
    """REQUEST_NOT_SEEN of each name without exchanges in all runs of an arm.

    Numbers: how many ``baseline`` and ``candidate`` had.  Nothing where no run tells names apart:
    no metric of a name can be judged then, and the whole is judged without.  A stored baseline that
    had no room for names (`baseline.named_parts`) lacks none of them.
    """
    if not any(run.requests for run in (*baseline, *candidate)):
        return []
    kept = any(run.requests or run.load.requests for run in baseline)
    found = []
    for name in request_names([*baseline, *candidate]):
        theirs, ours = (
            sum(run.requests[name].exchanges for run in runs if name in run.requests)
            for runs in (baseline, candidate)
        )
        if not ours or (kept and not theirs):
            numbers = {"baseline": theirs, "candidate": ours}
            found.append(ReasonFact(Reason.REQUEST_NOT_SEEN, name, numbers))
    return found
