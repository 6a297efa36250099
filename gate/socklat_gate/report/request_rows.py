"""Named requests of a load as rows: how many, how fast in each arm, what failed, what came back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import RequestCounts
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.request_numbers import RequestNumbers, request_numbers
from socklat_gate.report.request_ranks import SEVERITY, RankedRequest, listed_requests
from socklat_gate.wording import units
from socklat_gate.wording.outcomes import outcome_text
from socklat_gate.wording.request_text import others_text
from socklat_gate.wording.sentence import Name, Sentence

__all__ = [
    "QuantileCell",
    "RequestRow",
    "RequestSlice",
    "Requests",
    "other_requests_section",
    "requests_section",
]

QUANTILES = (0.5, 0.9, 0.99)
WHOLES = ("response", CLIENT)
"""Stages that stand for a whole exchange: the kernel's, or the load driver's clock."""
BECAME = " → "


@dataclass(frozen=True, slots=True)
class QuantileCell:
    """One quantile of every arm; ``change`` is empty with one arm."""

    times: str
    change: str


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One name, numbers of both arms in a cell; ``outcome`` is its outcome's plain name, or ""."""

    name: str
    share: str
    requests: str
    quantiles: tuple[QuantileCell, ...]
    errors: str
    size: str
    slow: str
    verdict: str
    outcome: str


@dataclass(frozen=True, slots=True)
class RequestSlice:
    """Where a slice of one request's exchanges got slower; ``stage`` is "" where none is named."""

    request: str
    title: str
    delta: str
    stage: str
    parts: Sentence


@dataclass(frozen=True, slots=True)
class Requests:
    """Rows, those that got slower first, and what carries the changes of these.

    ``judged``, ``slow``: whether some row has a verdict, or slow exchanges.  ``raw``: stalls are
    included.  ``others`` says what is not in the rows; "" when all are.
    """

    rows: tuple[RequestRow, ...]
    slices: tuple[RequestSlice, ...] = ()
    judged: bool = False
    slow: bool = False
    raw: bool = False
    others: Sentence = ()


def requests_section(
    arms: Arms, verdict: Verdict | None, ranked: Sequence[RankedRequest]
) -> Requests | None:
    """Those worth a look, and what is said of the others; None without names."""
    if not ranked:
        return None
    shown, rest = _divided(ranked)
    others = others_text([one.name for one in rest], bool(shown), verdict)
    slices = _slices(shown, verdict) if verdict else ()
    return _section(shown, arms, verdict, slices, others)


def other_requests_section(
    arms: Arms, verdict: Verdict | None, ranked: Sequence[RankedRequest]
) -> Requests | None:
    """Where there are many, those that are not worth a look; else None."""
    _, rest = _divided(ranked)
    return _section(rest, arms, verdict) if rest else None


def _divided(ranked: Sequence[RankedRequest]) -> tuple[list[RankedRequest], list[RankedRequest]]:
    listed = listed_requests(ranked)
    shown = [one for one in ranked if one.name in listed]
    return shown, [one for one in ranked if one.name not in listed]


def _section(
    ranked: Sequence[RankedRequest],
    arms: Arms,
    verdict: Verdict | None,
    slices: tuple[RequestSlice, ...] = (),
    others: Sentence = (),
) -> Requests:
    numbers = [list(request_numbers(arms, [one.name])) for one in ranked]
    metrics = verdict.metrics if verdict else ()
    rows = tuple(_row(*pair, metrics) for pair in zip(ranked, numbers, strict=True))
    return Requests(
        rows,
        slices,
        judged=any(one.outcome is not None for one in ranked),
        slow=any(row.slow != "0" for row in rows),
        raw=any(one.corrected.isdisjoint(WHOLES) for found in numbers for one in found),
        others=others,
    )


def _row(
    ranked: RankedRequest, numbers: Sequence[RequestNumbers], metrics: Sequence[MetricVerdict]
) -> RequestRow:
    judged = {
        metric.quantile: metric
        for metric in metrics
        if metric.request == ranked.name and metric.stage in WHOLES
    }
    return RequestRow(
        name=ranked.name,
        share=units.share(ranked.weight),
        requests=_side_by_side([_requests(one) for one in numbers]),
        quantiles=_quantiles(numbers, judged),
        errors=_side_by_side([_errors(one.counts) for one in numbers]),
        size=_side_by_side([_size(one.counts) for one in numbers]),
        slow=_side_by_side([units.count(one.spikes) for one in numbers]),
        verdict=_verdict_text(ranked),
        outcome=ranked.outcome.value if ranked.outcome else "",
    )


def _quantiles(
    numbers: Sequence[RequestNumbers], judged: Mapping[float | None, MetricVerdict]
) -> tuple[QuantileCell, ...]:
    """As judged where they were, else of all exchanges of the arms' runs together."""
    pooled = [_whole(one).quantiles_ns(QUANTILES) for one in numbers]
    cells = []
    for at, quantile in enumerate(QUANTILES):
        metric = judged.get(quantile)
        values_ns = [float(one[at]) for one in pooled]
        change = math.nan
        if metric is not None:
            values_ns = [metric.baseline_ns, metric.candidate_ns]
            change = metric.change
        elif values_ns[1:] and values_ns[0] > 0:
            change = values_ns[-1] / values_ns[0] - 1
        times = BECAME.join(map(units.ns, values_ns))
        cells.append(QuantileCell(times, units.change(change) if values_ns[1:] else ""))
    return tuple(cells)


def _whole(one: RequestNumbers) -> Histogram:
    return next((one.stages[w] for w in WHOLES if w in one.stages), Histogram.empty())


def _requests(one: RequestNumbers) -> str:
    """What the driver sent; without its counts, what the kernel saw."""
    return units.count(one.counts.sent if one.counts else one.exchanges)


def _errors(counts: RequestCounts | None) -> str:
    if counts is None:
        return units.NOT_AVAILABLE
    known = counts.errors and counts.planned
    share = f" ({units.share(counts.errors / counts.planned)})" if known else ""
    return f"{units.count(counts.errors)}{share}"


def _size(counts: RequestCounts | None) -> str:
    sizes = counts.answers.sizes if counts else Histogram.empty()
    return units.size(sizes.quantile_ns(0.5))


def _side_by_side(texts: Sequence[str]) -> str:
    """Each arm's, or the one that all have; "n/a" of a request that was only judged."""
    if not texts:
        return units.NOT_AVAILABLE
    return texts[0] if len(set(texts)) == 1 else BECAME.join(texts)


def _verdict_text(one: RankedRequest) -> str:
    if one.outcome is None:
        return "not judged"
    text = outcome_text(one.outcome)
    if one.incomplete and one.outcome is Outcome.INCONCLUSIVE:
        return text.replace(one.outcome.value, "slower, evidence incomplete")
    return (
        text.replace("pass", "improved") if one.improved and one.outcome is Outcome.PASS else text
    )


def _slices(shown: Sequence[RankedRequest], verdict: Verdict) -> tuple[RequestSlice, ...]:
    """Of the requests that did not pass, in their order."""
    names = [one.name for one in shown if one.outcome in SEVERITY]
    return tuple(
        _slice(part) for name in names for part in verdict.attribution if part.request == name
    )


def _slice(part: Attribution) -> RequestSlice:
    words: list[str] = []
    for share in sorted(part.shares, key=lambda one: -abs(one.candidate_ns - one.baseline_ns)):
        words += [", " if words else "", Name(share.stage)]
        words.append(f" {units.ns_change(share.candidate_ns - share.baseline_ns)}")
    return RequestSlice(
        part.request,
        part.slice,
        units.ns_change(part.delta_ns),
        ", port ".join(filter(None, (part.stage, part.port))),
        tuple(filter(None, words)),
    )
