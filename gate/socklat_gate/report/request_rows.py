"""Named requests of a load as rows: how many, how fast in each arm, what failed, what came back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import RequestCounts
from socklat_gate.measured.request_values import request_corrected, request_histogram
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.request_ranks import RankedRequest, listed_requests
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
WHOLE = "response"
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
    spikes: str
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

    ``judged``, ``spikes``: whether some row has a verdict, or spikes.  ``raw``: stalls are
    included.  ``others`` says what is not in the rows; "" when all are.
    """

    rows: tuple[RequestRow, ...]
    slices: tuple[RequestSlice, ...] = ()
    judged: bool = False
    spikes: bool = False
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
    runs = [of_arm for _, of_arm in arms]
    metrics = verdict.metrics if verdict else ()
    rows = tuple(_row(one, runs, metrics) for one in ranked)
    names = [one.name for one in ranked]
    raw = any(not request_corrected(of_arm, name, WHOLE) for of_arm in runs for name in names)
    return Requests(
        rows,
        slices,
        judged=any(one.outcome is not None for one in ranked),
        spikes=any(row.spikes != "0" for row in rows),
        raw=raw,
        others=others,
    )


def _row(
    one: RankedRequest, runs: Sequence[Sequence[Run]], metrics: Sequence[MetricVerdict]
) -> RequestRow:
    judged = {
        metric.quantile: metric
        for metric in metrics
        if metric.request == one.name and metric.stage == WHOLE
    }
    counts = [[r.load.requests[one.name] for r in of if one.name in r.load.requests] for of in runs]
    sizes = [Histogram.merged(part.answers.sizes for part in parts) for parts in counts]
    spikes = [sum(r.requests[one.name].spikes for r in of if one.name in r.requests) for of in runs]
    return RequestRow(
        name=one.name,
        share=units.share(one.weight),
        requests=_side_by_side(
            [_requests(one.name, *pair) for pair in zip(runs, counts, strict=True)]
        ),
        quantiles=_quantiles(one.name, runs, judged),
        errors=_side_by_side([_errors(parts) for parts in counts]),
        size=_side_by_side([units.size(size.quantile_ns(0.5)) for size in sizes]),
        spikes=_side_by_side([units.count(number) for number in spikes]),
        verdict=_verdict_text(one),
        outcome=one.outcome.value if one.outcome else "",
    )


def _quantiles(
    name: str, runs: Sequence[Sequence[Run]], judged: dict[float | None, MetricVerdict]
) -> tuple[QuantileCell, ...]:
    """As judged where they were, else of all exchanges of the arms' runs together."""
    pooled = [request_histogram(of_arm, name, WHOLE).quantiles_ns(QUANTILES) for of_arm in runs]
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


def _requests(name: str, runs: Sequence[Run], counts: Sequence[RequestCounts]) -> str:
    """What the driver sent; without its counts, what the kernel saw."""
    if counts:
        return units.count(sum(part.sent for part in counts))
    return units.count(sum(r.requests[name].exchanges for r in runs if name in r.requests))


def _errors(counts: Sequence[RequestCounts]) -> str:
    if not counts:
        return units.NOT_AVAILABLE
    errors, planned = sum(one.errors for one in counts), sum(one.planned for one in counts)
    share = f" ({units.share(errors / planned)})" if errors and planned else ""
    return f"{units.count(errors)}{share}"


def _side_by_side(texts: Sequence[str]) -> str:
    """Each arm's, or the one that all have."""
    return texts[0] if len(set(texts)) == 1 else BECAME.join(texts)


def _verdict_text(one: RankedRequest) -> str:
    if one.outcome is None:
        return "not judged"
    text = outcome_text(one.outcome)
    return (
        text.replace("pass", "improved") if one.improved and one.outcome is Outcome.PASS else text
    )


def _slices(shown: Sequence[RankedRequest], verdict: Verdict) -> tuple[RequestSlice, ...]:
    """Of the requests that got slower, in their order."""
    slower = [one.name for one in shown if one.outcome is Outcome.REGRESSION]
    return tuple(
        _slice(part) for name in slower for part in verdict.attribution if part.request == name
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
