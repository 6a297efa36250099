from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import WEIGHT_UNIT, Run, StallCorrected
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate, Metric
from socklat_gate.verdict.stored import compare
from socklat_gate.wording.reasons import reason_text
from tests.unit.verdict.builders import SERVICE_NS, campaign_of, scaled_run

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.05, regression_threshold=0.15)])
RUN_NOISE = (-0.004, 0.0, 0.004)
LEVELS = (-0.004, -0.002, 0.0, 0.001, 0.003, 0.002)


def campaign(change: float, seen: Callable[[Run], Run]) -> Campaign:
    return campaign_of([seen(scaled_run(change + noise)) for noise in RUN_NOISE])


def client(more_ns: int) -> Callable[[Run], Run]:
    def seen(run: Run) -> Run:
        times = Histogram.of(SERVICE_NS + 100_000 + more_ns)
        return replace(run, load=replace(run.load, client=times))

    return seen


def corrected(run: Run) -> Run:
    """To what the baseline takes, whatever the raw numbers are."""
    shown = scaled_run(0.0)
    weighted = {
        name: Histogram(one.counts * np.uint64(WEIGHT_UNIT))
        for name, one in shown.histograms.items()
    }
    return replace(run, corrected=StallCorrected(weighted, shown.bands, shown.histograms, 6000))


def test_raw_numbers_beyond_their_prediction_are_no_pass() -> None:
    stored = [campaign(level, corrected) for level in LEVELS]
    assert compare(stored, campaign(0.0, corrected), GATE).outcome is Outcome.PASS
    verdict = compare(stored, campaign(0.7, corrected), GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.code for fact in verdict.reasons] == [Reason.RAW_SLOWER]
    assert "its raw numbers are +101% beside" in reason_text(verdict.reasons[0], verdict)


def test_clients_beyond_their_prediction_are_no_pass() -> None:
    stored = [campaign(level, client(0)) for level in LEVELS]
    assert compare(stored, campaign(0.0, client(0)), GATE).outcome is Outcome.PASS
    assert compare(stored, campaign(0.0, client(30_000)), GATE).outcome is Outcome.PASS
    verdict = compare(stored, campaign(0.0, client(40_000_000)), GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.code for fact in verdict.reasons] == [Reason.CLIENTS_SLOWER]
    assert "own times are +" in reason_text(verdict.reasons[0], verdict)
    unknown = [campaign(level, lambda run: run) for level in LEVELS]
    assert compare(unknown, campaign(0.0, client(40_000_000)), GATE).outcome is Outcome.PASS
