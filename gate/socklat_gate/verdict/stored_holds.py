"""What keeps a pass over stored numbers away: raw numbers, and what the driver's clients saw.

As beside a baseline (`verdict.rules`, `verdict.clients`), but predicted from the campaigns: the
lower one-sided limit (alpha_pass) of the change may not be above the tolerance by raw numbers, nor
above ``regression_threshold`` by the load driver's own times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import WHOLE
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import without_correction
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.prediction import predict
from socklat_gate.verdict.zone import zone_of

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric, Waiver

__all__ = ["stored_holds"]

_NumbersOf = Callable[[Run, str], Run]


def stored_holds(
    baseline: Sequence[Campaign],
    candidate: Campaign,
    gate: Gate,
    waived: Mapping[str, Waiver],
) -> list[ReasonFact]:
    """RAW_SLOWER and CLIENTS_SLOWER of metrics; their number is the ``change``, relative.

    What some run does not have, or has too little of, is not held against a candidate.
    """
    found = []
    for metric in gate.compared:
        if metric.quantile is None:
            continue
        zone = zone_of(metric, gate, waiver=waived.get(metric.name))
        looks: list[tuple[Reason, _NumbersOf, float]] = [(Reason.RAW_SLOWER, _raw, zone.d0)]
        if metric.stage in WHOLE:
            looks.append((Reason.CLIENTS_SLOWER, _client, zone.d1))
        for code, numbers_of, most in looks:
            change = _shown(baseline, candidate, metric, numbers_of, gate.alpha_pass, most)
            if change is not None:
                found.append(ReasonFact(code, metric.name, {"change": change}))
    return found


def _shown(
    baseline: Iterable[Campaign],
    candidate: Campaign,
    metric: Metric,
    numbers_of: _NumbersOf,
    level: float,
    most: float,
) -> float | None:
    """The relative change where it is shown to be above ``most`` (log scale)."""
    stored, tested = (
        [
            replace(one, runs=tuple(numbers_of(run, metric.stage) for run in one.runs))
            for one in campaigns
        ]
        for campaigns in (baseline, [candidate])
    )
    prediction, lacking = predict(stored, tested[0].runs, metric)
    if lacking or not prediction.difference - prediction.limit(1.0 - level) > most:
        return None
    return relative(prediction.difference)


def _raw(run: Run, _stage: str) -> Run:
    return without_correction(run)


def _client(run: Run, stage: str) -> Run:
    """Its times and those of its names in place of the stage."""
    names = {
        name: replace(part, histograms={stage: _times(run, name)}, corrected=None)
        for name, part in run.requests.items()
    }
    return replace(run, histograms={stage: run.load.client}, corrected=None, requests=names)


def _times(run: Run, name: str) -> Histogram:
    part = run.load.requests.get(name)
    return part.client if part else Histogram.empty()
