"""What grows with the age of replicas, in sentences."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.stop_verdict import Grown, GrowthVerdict
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.measured.waived import Waived
from socklat_gate.wording import units

__all__ = [
    "GROWN",
    "growth_evidence",
    "growth_outcome",
    "growth_sentence",
    "growth_summary",
    "growth_text",
    "not_judged_text",
    "waived_text",
]

GROWN: Mapping[Grown, str] = {
    "response": "response time",
    "cpu": "CPU time",
    "memory": "memory",
}

LEAST = 2
"""Old replicas of each arm: of one each the evidence is 2 at most, and a pass waits from 4 on."""


def growth_text(fact: ReasonFact, verdict: Verdict) -> str:
    """What grows, and how fast."""
    found = next((one for one in verdict.growth if one.what == fact.subject), None)
    if found is None:
        return f"{fact.subject or 'something'} of the candidate's replicas grows with their age"
    return growth_summary(found)


def growth_summary(found: GrowthVerdict) -> str:
    """Both arms, and by how much more the candidate's grows."""
    return (
        f"{_both(found)}; {units.change(found.change)} a minute more than the baseline's (interval "
        f"{units.interval(found.ci_low, found.ci_high)})"
    )


def growth_sentence(growth: Sequence[GrowthVerdict]) -> str:
    """The headline of what grows, the first of them; "" where nothing does."""
    return next((_both(one) for one in growth if one.failed), "")


def growth_outcome(found: GrowthVerdict) -> Outcome:
    """What it comes to by itself; of replicas that are too few or too young nothing is known."""
    if found.failed:
        return Outcome.REGRESSION
    passes = not not_judged_text(found) and math.isfinite(found.change) and not found.undecided
    return Outcome.PASS if passes else Outcome.INCONCLUSIVE


def not_judged_text(found: GrowthVerdict) -> str:
    """Why nothing is known of it yet; empty where it is judged."""
    if found.failed:
        return ""
    if found.replicas < LEAST:
        return "too few replicas are old enough"
    return "" if _looked(found) else "the watch ended before the first look"


def waived_text(waived: Waived) -> str:
    """How much is accepted: ``+30.0% a minute until 2027-03-31``."""
    return f"{units.change(waived.ceiling)} a minute until {waived.expires}"


def growth_evidence(found: GrowthVerdict) -> str:
    """E-value and threshold; "n/a" before the first look that counts to it."""
    return units.beside_threshold(found.evidence if _looked(found) else math.nan, found.threshold)


def _looked(found: GrowthVerdict) -> bool:
    return found.evidence > sys.float_info.min


def _both(found: GrowthVerdict) -> str:
    """``memory grows with the age of the candidate's replicas: +40.0% in 2 min (baseline ...)``."""
    within = f" in {units.duration_s(60 * found.minutes)}" if found.minutes > 0 else ""
    return (
        f"{GROWN[found.what]} grows with the age of the candidate's replicas: "
        f"{units.change(found.candidate_change)}{within} (baseline "
        f"{units.change(found.baseline_change)})"
    )
