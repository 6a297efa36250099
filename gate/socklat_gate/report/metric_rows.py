"""The judged metrics as rows: change, interval, limits, evidence, and waivers in force."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from socklat_gate.measured.names import CAPACITY_RPS, SPIKES
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict, Waived
from socklat_gate.report.request_ranks import RankedRequest, listed_requests
from socklat_gate.wording import units
from socklat_gate.wording.container_metrics import kind_of, value_text
from socklat_gate.wording.metric_names import without_request
from socklat_gate.wording.outcomes import metric_outcome_text

__all__ = [
    "Evidence",
    "EvidenceRow",
    "MetricRow",
    "Metrics",
    "WaiverRow",
    "evidence_section",
    "metrics_section",
    "other_metrics_section",
    "shown_metrics",
]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric, every number as text; ``outcome`` is its outcome's plain name.

    ``at`` is its place among all of the verdict's; ``request`` the named request that it is of ("":
    all), ``short`` its name without that.
    """

    at: int
    name: str
    short: str
    request: str
    baseline: str
    candidate: str
    change: str
    interval: str
    limits: str
    mde: str
    verdict: str
    outcome: str


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver in force."""

    name: str
    ceiling: str
    expires: str
    link: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """Rows, one request's together; ``meanings`` say of some by name what they are."""

    rows: tuple[MetricRow, ...]
    meanings: tuple[tuple[str, str], ...] = ()
    waivers: tuple[WaiverRow, ...] = ()

    @property
    def groups(self) -> tuple[tuple[str, tuple[MetricRow, ...]], ...]:
        """The rows by request, "" for those of all."""
        found = groupby(self.rows, key=lambda row: row.request)
        return tuple((request, tuple(rows)) for request, rows in found)


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """E-values of one metric, each beside its threshold."""

    name: str
    fail: str
    passed: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A row for every metric of all requests and of those that are listed.

    ``together`` is the weighted mean of all e-values beside its threshold, "" where it is not
    known; ``named``: some metric is named a regression by less than it alone would need.
    """

    rows: tuple[EvidenceRow, ...]
    together: str = ""
    named: bool = False


def shown_metrics(verdict: Verdict, listed: Collection[str]) -> tuple[MetricVerdict, ...]:
    """Those of all requests and those of the ``listed`` ones."""
    return tuple(
        metric for metric in verdict.metrics if not metric.request or metric.request in listed
    )


def metrics_section(verdict: Verdict, ranked: Sequence[RankedRequest]) -> Metrics | None:
    """Of all requests and of those worth a look.

    None when no metric was judged and no waiver is in force.
    """
    rows, waivers = _rows(verdict, ["", *listed_requests(ranked)], ranked), _waiver_rows(verdict)
    kinds = ((metric.name, kind_of(metric.stage).meaning) for metric in verdict.metrics)
    meanings = tuple((name, meaning) for name, meaning in kinds if meaning)
    return Metrics(rows, meanings, waivers) if rows or waivers else None


def other_metrics_section(verdict: Verdict, ranked: Sequence[RankedRequest]) -> Metrics | None:
    """Of the other requests; None when there are none, or nothing of them was judged."""
    listed = listed_requests(ranked)
    rows = _rows(verdict, [one.name for one in ranked if one.name not in listed], ranked)
    return Metrics(rows) if rows else None


def evidence_section(verdict: Verdict, listed: Collection[str]) -> Evidence | None:
    """None when no metric was judged."""
    if not verdict.metrics:
        return None
    rows = (
        EvidenceRow(
            name=metric.name,
            fail=units.beside_threshold(metric.evidence_fail, metric.threshold_fail),
            passed=units.beside_threshold(metric.evidence_pass, metric.threshold_pass),
            verdict=metric_outcome_text(metric),
        )
        for metric in shown_metrics(verdict, listed)
    )
    joint = verdict.together
    together = units.beside_threshold(joint.evidence, joint.threshold) if joint else ""
    named = any(
        metric.verdict is Outcome.REGRESSION and metric.evidence_fail < metric.threshold_fail
        for metric in verdict.metrics
    )
    return Evidence(tuple(rows), together, named)


def _rows(
    verdict: Verdict, wanted: Collection[str], ranked: Sequence[RankedRequest]
) -> tuple[MetricRow, ...]:
    """Those of the ``wanted`` requests, by rank of the request."""
    ranks = {one.name: at for at, one in enumerate(ranked, 1)}
    rows = [
        _row(at, metric) for at, metric in enumerate(verdict.metrics) if metric.request in wanted
    ]
    return tuple(sorted(rows, key=lambda row: ranks.get(row.request, 0)))


def _row(at: int, metric: MetricVerdict) -> MetricRow:
    waived = " (waived)" if metric.waived else ""
    return MetricRow(
        at=at,
        name=metric.name,
        short=without_request(metric.name) if metric.request else metric.name,
        request=metric.request,
        baseline=value_text(metric.baseline_ns, metric.stage),
        candidate=value_text(metric.candidate_ns, metric.stage),
        change=units.change(metric.change),
        interval=units.interval(metric.ci_low, metric.ci_high),
        limits=f"{units.change(metric.tolerance)} / "
        f"{units.change(metric.regression_threshold)}{waived}",
        mde=units.change(metric.mde),
        verdict=metric_outcome_text(metric),
        outcome=metric.verdict.value,
    )


def _waiver_rows(verdict: Verdict) -> tuple[WaiverRow, ...]:
    """Every waiver that moved a limit, those of spikes and counts last."""
    waived: list[tuple[str, Waived | None]] = [(m.name, m.waived) for m in verdict.metrics]
    if verdict.spikes is not None:
        waived.append((SPIKES, verdict.spikes.waived))
    if verdict.capacity is not None:
        waived.append((CAPACITY_RPS, verdict.capacity.verdict.waived))
    waived += ((count.name, count.waived) for count in verdict.counts)
    return tuple(
        WaiverRow(name, units.change(one.ceiling), one.expires, one.link)
        for name, one in waived
        if one is not None
    )
