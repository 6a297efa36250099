"""A metric's paired estimates: their sum from merge to merge, and nights beside a release."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.history import LinkChange, LinkHistory, LinkPoint
from socklat_gate.measured.link import Link, MetricLink
from socklat_gate.verdict.drift_evidence import Found, first_changes, running_drift_evidence
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.functions import student_quantile
from socklat_gate.verdict.log_scale import relative

__all__ = ["ALPHA", "link_history"]

ALPHA = 0.01
"""Chance of any finding in the series of a scenario where nothing changed, however often one looks.

Shared by its metrics, and by slower and faster; the merges and the nights have it each.
"""

LEVEL = 0.95
MOST_DOF = 1000

_Known = tuple[Link, MetricLink]


@dataclass(frozen=True, slots=True)
class _Sum:
    """A log change added up along a chain, its variance, and the sum of variances^2 / dof."""

    log_change: float = 0.0
    variance: float = 0.0
    squares: float = 0.0

    def plus(self, link: MetricLink) -> _Sum:
        variance = link.standard_error**2
        return _Sum(
            self.log_change + link.log_change,
            self.variance + variance,
            self.squares + variance**2 / link.dof,
        )

    @property
    def half(self) -> float:
        """Half-width of the interval at `LEVEL`; degrees of freedom after Welch, Satterthwaite."""
        if not self.squares > 0:
            return 0.0
        dof = min(MOST_DOF, max(1, int(self.variance**2 / self.squares)))
        return student_quantile(dof, (1 + LEVEL) / 2) * math.sqrt(self.variance)


def link_history(links: Sequence[Link], metric: str, metrics: int) -> LinkHistory:
    """Of the links of one scenario, oldest first; ``metrics`` share `ALPHA`.

    From merge to merge the sum goes on from where the link's base was in it, so that a merge whose
    gate did not pass is part of the next link; a base that no earlier link has begins anew, which
    its ``begins`` says.  Of nights only those beside the base of the newest one count.
    """
    known = [(link, found) for link in links if (found := link.metric(metric))]
    merges = [one for one in known if not one[0].nightly]
    nights = [one for one in known if one[0].nightly]
    nights = [one for one in nights if one[0].base == nights[-1][0].base]
    evidence, drifted = _drifted([found for _, found in nights], ALPHA / max(1, metrics))
    alpha = ALPHA / max(1, 2 * metrics)
    return LinkHistory(
        metric=metric,
        merges=tuple(_chain(merges)),
        changes=tuple(_changes(merges, alpha)),
        nights=tuple(_point(link, _Sum().plus(one), begins=False) for link, one in nights),
        night_changes=tuple(_changes(nights, alpha)),
        release=nights[-1][0].base if nights else "",
        tolerance=nights[-1][1].tolerance if nights else math.nan,
        drift_evidence=evidence,
        drifted=drifted,
    )


def _chain(merges: Sequence[_Known]) -> list[LinkPoint]:
    sums: dict[str, _Sum] = {}
    points = []
    for link, found in merges:
        begins = link.base_commit not in sums
        total = sums.setdefault(link.base_commit, _Sum()).plus(found)
        sums[link.commit] = total
        points.append(_point(link, total, begins=begins))
    return points


def _point(link: Link, total: _Sum, *, begins: bool) -> LinkPoint:
    return LinkPoint(
        created=link.created,
        base=link.base,
        commit=link.commit,
        outcome=link.outcome,
        pairs=link.pairs,
        change=relative(total.log_change),
        low=relative(total.log_change - total.half),
        high=relative(total.log_change + total.half),
        begins=begins,
    )


def _changes(known: Sequence[_Known], alpha: float) -> list[LinkChange]:
    """Both directions, in order of time; of nights, which add nothing up, the first of each."""
    changes = []
    for of in ("slower", "faster"):
        found = first_changes([getattr(metric, of) for _, metric in known], alpha)
        nightly = bool(known) and known[-1][0].nightly
        changes += [_change(known, one) for one in (found[:1] if nightly else found)]
    return sorted(changes, key=lambda change: change.index)


def _change(known: Sequence[_Known], one: Found) -> LinkChange:
    of_change = [metric.log_change for _, metric in known[one.begin : one.at + 1]]
    first, last = known[one.begin][0], known[one.at][0]
    total = sum(of_change)
    return LinkChange(
        index=one.begin,
        end=one.at + 1,
        since=first.commit if last.nightly else first.base,
        commit=last.commit,
        created=last.created,
        change=relative(total / len(of_change) if last.nightly else total),
        evidence=as_e_value(one.log_evidence),
    )


def _drifted(nights: Sequence[MetricLink], alpha: float) -> tuple[float, bool]:
    """Evidence of all nights that the metric is above its tolerance, and whether it is enough now.

    Nights by another tolerance are left out: theirs is evidence of something else.
    """
    if not nights:
        return math.nan, False
    alike = [one.above for one in nights if one.tolerance == nights[-1].tolerance]
    log_evidence = float(running_drift_evidence(alike)[-1])
    return as_e_value(log_evidence), log_evidence >= -math.log(alpha)
