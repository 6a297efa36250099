"""Results of loads that mix named requests: three names, or thirty, one of which got slower."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, RequestCounts
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.result import GateResult, RunResult
from socklat_gate.measured.run import Join, Mismatch, RequestStages, Run
from socklat_gate.measured.verdict import MetricVerdict, Outcome
from tests.unit.factories import (
    REQUESTS,
    STAGES,
    corrected_of,
    make_attribution,
    make_bands,
    make_metric,
    make_result,
    service_times_ns,
    with_correction,
)

__all__ = [
    "MANY",
    "NAMES",
    "attributed_to",
    "disagreeing",
    "make_named_metric",
    "make_named_result",
    "make_named_run_result",
    "make_request_counts",
    "make_request_stages",
    "with_names",
]

NAMES: Mapping[str, float] = {"browse": 0.7, "search": 0.25, "checkout": 0.05}
"""Weights of three names."""

MANY: Mapping[str, float] = {f"v2.item-{at:02d}": 1 / 30 for at in range(29)} | {"checkout": 1 / 30}
"""Weights of thirty names."""

QUANTILES = (0.5, 0.9, 0.99)


def make_request_stages(
    seed: int, weight: float, scale: float = 1.0, *, corrected: bool = True
) -> RequestStages:
    """As of a run of `REQUESTS`; what is slower than usual is so in ``app``."""
    count = max(1, round(weight * REQUESTS))
    response_ns = service_times_ns(seed, scale, count)
    waited_ns = service_times_ns(seed, 1.0, count) // 10
    app_ns = response_ns - waited_ns
    stages_ns = (response_ns, response_ns, waited_ns, app_ns, 0 * app_ns)
    histograms = dict(zip(STAGES, map(Histogram.of, stages_ns), strict=True))
    bands = make_bands(response_ns, app_ns)
    return RequestStages(
        weight,
        count,
        histograms,
        corrected_of(histograms, bands) if corrected else None,
        spikes=round(scale > 2),
    )


def make_request_counts(
    seed: int, weight: float, scale: float = 1.0, failed: int = 0, size_bytes: int = 180
) -> RequestCounts:
    """The driver's side of the same."""
    count = max(1, round(weight * REQUESTS))
    statuses = {"200": count - failed} | ({"503": failed} if failed else {})
    sizes = Histogram.of([size_bytes] * count)
    errors = {"bad_status": failed} if failed else {}
    client = Histogram.of(service_times_ns(seed + 500, 1.3 * scale, count))
    answers = Answers(statuses, sizes, errors, 0, 0)
    return RequestCounts(count, count, count, failed, client, answers)


def with_names(
    run: Run,
    weights: Mapping[str, float] = NAMES,
    scales: Mapping[str, float] | None = None,
    failed: Mapping[str, int] | None = None,
    *,
    seed: int = 1,
    corrected: bool = True,
    join: Join | None = None,
) -> Run:
    """The run as of these requests, some of which may take ``scales`` times as long, or fail."""
    stages: dict[str, RequestStages] = {}
    counts: dict[str, RequestCounts] = {}
    for at, (name, weight) in enumerate(weights.items()):
        scale = (1 + at % 4) * (scales or {}).get(name, 1.0)
        own = 100 * seed + at
        stages[name] = make_request_stages(own, weight, scale, corrected=corrected)
        size_bytes, errors = 180 * (1 + at), (failed or {}).get(name, 0)
        counts[name] = make_request_counts(own, weight, scale, errors, size_bytes)
    load = replace(run.load, requests=counts)
    agreed = Join(run.load.responded, run.load.responded, 32)
    return replace(run, requests=stages, load=load, join=join or agreed)


def make_named_metric(
    request: str, name: str, outcome: Outcome, change: float = 0.004
) -> MetricVerdict:
    """One of a named request; ``name`` is that of the same metric of all."""
    metric = make_metric(name, outcome, change)
    return replace(metric, name=f"{name}[{request}]", request=request)


def make_named_result(
    weights: Mapping[str, float] = NAMES,
    outcome: Outcome = Outcome.REGRESSION,
    slow: Sequence[str] = ("checkout",),
) -> GateResult:
    """All of it judged at three quantiles, whole and by name; ``slow`` decide the outcome."""
    result = make_result("gate", Outcome.PASS)
    assert isinstance(result, GateResult)
    scale = {Outcome.REGRESSION: 1.31, Outcome.INCONCLUSIVE: 1.09}.get(outcome, 1.0)
    pairs = tuple(
        _pair(pair, weights, dict.fromkeys(slow, scale), failed=outcome is Outcome.REGRESSION)
        for pair in result.pairs
    )
    metrics = list(result.verdict.metrics)
    for name in weights:
        for percent, change in (("50", 0.9), ("90", 0.95), ("99", 1.0)):
            decisive = name in slow and percent == "99"
            size = change * (scale - 1) if name in slow else 0.002 * math.sin(len(metrics))
            found = outcome if decisive else Outcome.PASS
            if name in slow and not decisive and outcome is not Outcome.PASS:
                found = Outcome.INCONCLUSIVE
            metrics.append(make_named_metric(name, f"response_p{percent}", found, size))
    facts = {
        Outcome.REGRESSION: [ReasonFact(Reason.REGRESSION, f"response_p99[{one}]") for one in slow],
        Outcome.INCONCLUSIVE: [ReasonFact(Reason.BUDGET_PAIRS, "", {"pairs": 2})],
    }.get(outcome, [ReasonFact(Reason.NO_REGRESSION, "", {"pairs": 2})])
    attribution = make_attribution() + tuple(part for one in slow for part in attributed_to(one))
    verdict = replace(
        result.verdict,
        outcome=outcome,
        reasons=tuple(facts),
        metrics=tuple(metrics),
        attribution=attribution,
        pairs_to_decide=12 if outcome is Outcome.INCONCLUSIVE else None,
    )
    return replace(result, pairs=pairs, verdict=verdict)


def make_named_run_result(weights: Mapping[str, float] = NAMES) -> RunResult:
    """One image measured alone."""
    result = make_result("run")
    assert isinstance(result, RunResult)
    runs = tuple(with_names(run, weights, seed=at) for at, run in enumerate(result.campaign.runs))
    return replace(result, campaign=replace(result.campaign, runs=runs))


def attributed_to(request: str) -> tuple[Attribution, ...]:
    """What `make_attribution` says, of one request."""
    return tuple(replace(part, request=request) for part in make_attribution())


def disagreeing() -> Join:
    """Two of 32 connections on which the kernel saw other numbers than were sent."""
    return Join(1_990, 1_981, 32, 2, (Mismatch(41_234, 120, 121), Mismatch(41_236, 7, 64)))


def _pair(
    pair: Pair, weights: Mapping[str, float], scales: Mapping[str, float], *, failed: bool
) -> Pair:
    pair = with_correction(pair)
    errors = dict.fromkeys(scales, 2) if failed else {}
    handshakes = Histogram.of(np.full(32, 1_800_000) + 10_000 * np.arange(32))
    runs = [
        with_names(pair.baseline, weights, seed=2 * pair.index + 1),
        with_names(pair.candidate, weights, scales, errors, seed=2 * pair.index + 2),
    ]
    baseline, candidate = (
        replace(run, load=replace(run.load, handshakes=handshakes)) for run in runs
    )
    return replace(pair, baseline=baseline, candidate=candidate)
