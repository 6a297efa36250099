"""Where the time went: the attribution of a change to stages, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.attribution import Attribution, StageShare
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording import units
from socklat_gate.wording.sentence import Name, Sentence

__all__ = ["ShareRow", "Slice", "TimeSpent", "attribution_section", "request_slices"]

BAR = 10
CANCEL = 1.5
"""Beyond this share of a change, parts that go opposite ways nearly cancel: shares mean nothing."""

TOO_FEW: Sentence = (
    "No stage is named, because an interval takes at least 5 pairs of containers, or 2 blocks of "
    "several.",
)


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One stage's part of a slice's change."""

    stage: str
    baseline: str
    candidate: str
    delta: str
    interval: str
    share: str


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice; ``stage`` is empty when no stage is named."""

    title: str
    delta: str
    stage: str
    rows: tuple[ShareRow, ...]


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Every slice, and the sentences on dependency sockets, ports in the container and uploads.

    They are empty where there are none.  Too few pairs for any interval are said before them.
    """

    slices: tuple[Slice, ...]
    waits: tuple[Sentence, ...]


def attribution_section(verdict: Verdict) -> TimeSpent | None:
    """Of all requests together; None when nothing of them is attributed."""
    whole = [part for part in verdict.attribution if not part.request]
    if not whole:
        return None
    few = (TOO_FEW,) if _without_intervals(whole) else ()
    return TimeSpent(_slices(whole), (*few, *_wait_sentences(whole)))


def _without_intervals(attribution: Sequence[Attribution]) -> bool:
    """So that none of them has a stage that is named."""
    shares = [share for part in attribution if not part.stage for share in part.shares]
    return bool(shares) and all(
        math.isinf(share.low_ns) and math.isinf(share.high_ns) for share in shares
    )


def request_slices(attribution: Sequence[Attribution]) -> tuple[Slice, ...]:
    """The same of one named request."""
    return _slices(attribution)


def _slices(attribution: Sequence[Attribution]) -> tuple[Slice, ...]:
    return tuple(
        Slice(
            title=part.slice,
            delta=units.ns_change(part.delta_ns),
            stage=", port ".join(filter(None, (part.stage, part.port))),
            rows=tuple(_row(one, cancelled=_cancel(part.shares)) for one in part.shares),
        )
        for part in attribution
    )


def _wait_sentences(attribution: Sequence[Attribution]) -> tuple[Sentence, ...]:
    """Time waited for others, which has no slices: the same in all of them."""
    first = attribution[0]
    waits: list[tuple[Sentence, StageShare, Sentence]] = []
    if first.depend is not None:
        title: Sentence = ("Time on dependency sockets (", Name(first.depend.stage))
        waits.append((title, first.depend, (Name("app"),)))
    for port, part in first.internal.items():
        title = ("Time on port ", Name(port), " inside the container (", Name(part.stage))
        waits.append((title, part, (Name("app"), " and ", Name("respond"))))
    if first.upload is not None:
        title = ("Time in which requests came in (", Name(first.upload.stage))
        waits.append((title, first.upload, (f"the {first.slice}",)))
    return tuple(_wait_sentence(*one) for one in waits if one[1].baseline_ns or one[1].candidate_ns)


def _wait_sentence(title: Sentence, part: StageShare, of: Sentence) -> Sentence:
    change_ns = part.candidate_ns - part.baseline_ns
    share = "" if _cancel([part]) else f", {units.share(part.share)} of the change of "
    return (
        *title,
        f", part of all requests' time): {units.ns(part.baseline_ns)} per request, then "
        f"{units.ns(part.candidate_ns)}: {units.ns_change(change_ns)} "
        f"(95% interval {units.ns_interval(part.low_ns, part.high_ns)})",
        *((share, *of) if share else ()),
        ".",
    )


def _cancel(shares: Sequence[StageShare]) -> bool:
    return any(abs(one.share) > CANCEL for one in shares if math.isfinite(one.share))


def _row(part: StageShare, *, cancelled: bool) -> ShareRow:
    filled = round(BAR * min(1.0, max(0.0, part.share))) if math.isfinite(part.share) else 0
    bar = "█" * filled + "░" * (BAR - filled)
    return ShareRow(
        stage=part.stage,
        baseline=units.ns(part.baseline_ns),
        candidate=units.ns(part.candidate_ns),
        delta=units.ns_change(part.candidate_ns - part.baseline_ns),
        interval=units.ns_interval(part.low_ns, part.high_ns),
        share="cancel out" if cancelled else f"{bar} {units.share(part.share)}",
    )
