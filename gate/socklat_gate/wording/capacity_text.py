"""A study of capacity as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import CapacityResult, CapacityRound, CapacityVerdict
from socklat_gate.measured.facts import Arm
from socklat_gate.measured.verdict import Outcome
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural

__all__ = ["capacity_lines", "no_round_line", "round_line", "step_phase"]


def step_phase(arm: Arm, rate_rps: float) -> str:
    """What is under way."""
    return f"{arm} at {rate_rps:.0f} requests/s"


def round_line(one: CapacityRound, so_far: CapacityVerdict) -> str:
    """A round that has ended, and what all of them show."""
    return (
        f"round {one.index + 1}: baseline {units.per_second(one.baseline_rps)}, candidate "
        f"{units.per_second(one.candidate_rps)} ({plural(one.steps, 'step')}, "
        f"{one.duration_s:.0f} s); so far "
        f"{_change(so_far)}"
    )


def no_round_line(expected_s: float, left_s: float) -> str:
    """Why no further round begins."""
    left = f"{left_s:.0f} s are left" if left_s > 0 else "the minutes are spent"
    return f"no further round: one may take {expected_s:.0f} s, and {left}"


def capacity_lines(result: CapacityResult) -> Iterator[str]:
    """The verdict and what it rests on, a sentence each."""
    verdict, limits = result.verdict, result.limits
    yield f"{verdict.outcome.value}: {_headline(verdict)}"
    yield (
        f"capacity of {result.baseline_image}: {units.per_second(verdict.baseline_rps)}; of "
        f"{result.candidate_image}: {units.per_second(verdict.candidate_rps)}"
    )
    yield (
        f"a rate is carried when {units.share(limits.share)} of the requests get a good response "
        f"within {units.ns(limits.within_ns)}; a loss up to {units.share(limits.tolerance)} is "
        f"accepted, one of {units.share(limits.threshold)} fails"
    )
    yield (
        f"{plural(verdict.rounds, 'round')} on fresh containers, "
        f"{units.duration_s(result.duration_s)}; evidence to fail "
        f"{units.beside_threshold(verdict.evidence_fail, verdict.threshold_fail)}, to pass "
        f"{units.beside_threshold(verdict.evidence_pass, verdict.threshold_pass)}"
    )


def _headline(verdict: CapacityVerdict) -> str:
    change = _change(verdict)
    if verdict.outcome is Outcome.REGRESSION:
        return f"the candidate carries a lower rate, {change}"
    if verdict.outcome is Outcome.PASS:
        return f"the candidate carries the same rate, {change}"
    if verdict.reason is Reason.LOAD_NOT_DELIVERED:
        return (
            "the load driver was at its end before the service was: give it CPUs of its own "
            f"(load.cpuset), or limit the service's; {change}"
        )
    if verdict.reason is Reason.ANSWERS_DIFFER:
        return (
            "the candidate's responses have other statuses or sizes than the baseline's, or an "
            "older version of TLS: if that is meant, gate.accept_answers has to name it; "
            f"{change}"
        )
    return f"not decided within the time, {change}; give it more --minutes"


def _change(verdict: CapacityVerdict) -> str:
    interval = units.interval(verdict.ci_low, verdict.ci_high)
    return f"{units.change(verdict.change)} ({interval})"
