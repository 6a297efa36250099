"""Whether connections of the candidate have an older version of TLS than the baseline's.

Less protection costs less time, so that such a candidate may look faster, or hide what got slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact, Scalar

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import Answers

__all__ = ["older_tls", "versions_of"]

VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""As OpenSSL names them, the oldest first."""

TOLERANCE = 0.01
"""Share of the connections that may be older."""


def versions_of(answers: Iterable[Answers]) -> dict[str, int]:
    """Connections by version; what was negotiated begins with it."""
    found = Counter[str]()
    for one in answers:
        for negotiated, connections in one.tls.items():
            found[negotiated.partition(" ")[0]] += connections
    return dict(found)


def older_tls(baseline: Iterable[Answers], candidate: Iterable[Answers]) -> ReasonFact | None:
    """ANSWERS_DIFFER about ``tls``; None where an arm has no TLS, or the candidate's is no older.

    Numbers: counts by ``baseline VERSION`` and ``candidate VERSION``, and ``share``, the part of
    the connections that is older.
    """
    arms = {"baseline": versions_of(baseline), "candidate": versions_of(candidate)}
    if not all(arms.values()):
        return None
    below = {arm: list(_shares_up_to(counts)) for arm, counts in arms.items()}
    share = max(
        ours - theirs for ours, theirs in zip(below["candidate"], below["baseline"], strict=True)
    )
    if share <= TOLERANCE:
        return None
    mixes: dict[str, Scalar] = {
        f"{arm} {version}": count
        for arm, counts in arms.items()
        for version, count in sorted(counts.items())
    }
    return ReasonFact(Reason.ANSWERS_DIFFER, "tls", {"share": share, **mixes})


def _shares_up_to(counts: Mapping[str, int]) -> Iterable[float]:
    """The share of the connections with each version or an older one; unknown ones are newer."""
    total, sum_ = sum(counts.values()), 0
    for version in VERSIONS:
        sum_ += counts.get(version, 0)
        yield sum_ / total
