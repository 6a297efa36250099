"""Counts of both arms in sentences: failed requests, overload, connections, other responses."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.names import CAPACITY, CONNECTIONS, ERRORS
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.verdict import CountVerdict, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.fact_numbers import count_of, number_of
from socklat_gate.wording.metric_names import request_in, without_request

__all__ = [
    "count_evidence_text",
    "count_of_total",
    "counts_summary",
    "differences_text",
    "named_count",
    "undecided_text",
]

SHOWN = 5
"""Statuses of an arm that a sentence names."""


def named_count(name: str, verdict: Verdict) -> CountVerdict | None:
    """The count of that name; None where it was not judged."""
    return next((count for count in verdict.counts if count.name == name), None)


def count_of_total(name: str, number: int, total: int) -> str:
    """``31 of 48 000 (0.0646%)``; of connections ``6 000 for 6 000``; ``n/a`` of nothing."""
    if not total:
        return "n/a"
    name = without_request(name)
    if name == CONNECTIONS:
        return f"{units.count(number)} for {units.count(total)}"
    text = f"{units.count(number)} of {units.count(total)}"
    return f"{text} ({100 * number / total:.3g}%)" if number and name == ERRORS else text


def counts_summary(verdict: CountVerdict) -> str:
    """Both arms in half a sentence, the candidate first."""
    ours = count_of_total(verdict.name, verdict.candidate_count, verdict.candidate_total)
    theirs = count_of_total(verdict.name, verdict.baseline_count, verdict.baseline_total)
    said = _SUMMARIES.get(without_request(verdict.name))
    if said is None:  # the name of a newer document
        return f"{verdict.name}: {ours}; of the baseline {theirs}"
    request = request_in(verdict.name)
    return said.format(
        ours=ours, theirs=theirs, of=f"`{request}` requests" if request else "requests"
    )


_SUMMARIES: Mapping[str, str] = {
    ERRORS: "{ours} of the candidate's {of} failed; of the baseline's {theirs}",
    CAPACITY: "the candidate could not carry its load in {ours} pairs; the baseline in {theirs}",
    CONNECTIONS: "clients of the candidate opened {ours} requests; of the baseline {theirs}",
}


def count_evidence_text(verdict: CountVerdict) -> str:
    """What the counts prove, and by what."""
    held = units.beside_threshold(verdict.evidence, verdict.threshold)
    how = ", by pairs" if verdict.by_runs and without_request(verdict.name) == ERRORS else ""
    return f"e-value against no increase / threshold: {held}{how}"


def undecided_text(verdict: CountVerdict) -> str:
    """Why a pass waits for a count."""
    return (
        f"{counts_summary(verdict)}: neither shown to be more nor few enough for a pass "
        f"({count_evidence_text(verdict)})"
    )


def differences_text(subject: str, numbers: Mapping[str, Scalar]) -> str:
    """In what the arms' responses differ, with both mixes."""
    share, request = units.share(number_of(numbers, "share")), request_in(subject)
    of = f"the responses to `{request}`" if request else "the responses"
    others = count_of(numbers, "more")
    rest = f"; the responses to {plural(others, 'more request')} differ, too" if others else ""
    if without_request(subject) == "sizes":
        sizes = [units.size(number_of(numbers, f"{arm}_bytes")) for arm in ARMS]
        more = "larger" if count_of(numbers, "larger") else "smaller"
        than = " than any of the baseline's" if "beyond_bytes" in numbers else ""
        return (
            f"{share} of {of} are {more}{than} by more than a fifth (median of the baseline "
            f"{sizes[0]}, of the candidate {sizes[1]}); if that is meant, gate.accept_answers has "
            f"to name sizes{rest}"
        )
    mixes = [_mix(numbers, arm) for arm in ARMS]
    if without_request(subject) == "tls":
        return (
            f"{share} of the candidate's connections have an older version of TLS (baseline "
            f"{mixes[0]}; candidate {mixes[1]}); if that is meant, gate.accept_answers has to name "
            "tls"
        )
    return (
        f"{share} of {of} have another status (baseline {mixes[0]}; candidate "
        f"{mixes[1]}); if that is meant, gate.accept_answers has to name "
        f"statuses{rest}"
    )


def _mix(numbers: Mapping[str, Scalar], arm: str) -> str:
    """``200 97.0%, 404 3.00%``, the most frequent first."""
    prefix = f"{arm} "
    counts = {
        name.removeprefix(prefix) or "unknown": count_of(numbers, name)
        for name in numbers
        if name.startswith(prefix)
    }
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    parts = [f"{name} {units.share(number / total)}" for name, number in ranked[:SHOWN] if total]
    more = f" and {len(ranked) - SHOWN} more" if len(ranked) > SHOWN else ""
    return (", ".join(parts) or "none") + more
