from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.verdict import Outcome
from tests.unit.factories import (
    make_count_verdict,
    make_cpu_metric,
    make_metric,
    make_pair,
    make_result,
    make_spike_verdict,
    with_correction,
)
from tests.unit.report.rendered import render_openmetrics

KINDS = [(kind, outcome) for kind in ("gate", "compare", "run") for outcome in Outcome]


def families(result):
    return {one.name: one for one in text_string_to_metric_families(render_openmetrics(result))}


def value(result, name, **labels):
    found = [
        sample.value
        for family in families(result).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


@pytest.mark.parametrize(("kind", "outcome"), KINDS)
def test_every_kind_and_outcome_parses(kind, outcome):
    text = render_openmetrics(make_result(kind, outcome))
    assert text.endswith("# EOF\n")
    assert " NaN" not in text
    found = families(make_result(kind, outcome))
    assert found["socklat_gate"].samples[0].labels["scenario"] == "checkout"
    assert all(family.samples for family in found.values())
    assert all(name.startswith("socklat_gate") for name in found)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_verdict_is_a_set_of_states(outcome):
    states = families(make_result("gate", outcome))["socklat_gate_verdict"].samples
    assert {s.labels["socklat_gate_verdict"]: s.value for s in states} == {
        one.value: float(one is outcome) for one in Outcome
    }


def test_the_histogram_is_exact_and_cumulative():
    result = make_result()
    used = [pair for pair in result.pairs if not pair.excluded]
    merged = Histogram.merged(pair.candidate.histograms["service"] for pair in used)
    samples = families(result)["socklat_gate_response_seconds"].samples
    ours = [s for s in samples if s.labels["arm"] == "candidate"]
    buckets = [(s.labels["le"], s.value) for s in ours if s.name.endswith("_bucket")]
    assert buckets[-1] == ("+Inf", merged.total)
    counts = [number for _, number in buckets]
    assert counts == sorted(counts)
    at_most_ns = round(1e9 * float(buckets[10][0]))
    assert at_most_ns + 1 == 1 << 20
    # Edges of buckets are powers of 2, so no value is split.
    values = np.repeat(np.arange(merged.counts.size), merged.counts.astype(int))
    assert buckets[10][1] == (values < ((20 - 7) << 7) + 128).sum()


def test_quantiles_are_in_seconds_raw_and_corrected():
    result = replace(make_result(), pairs=(with_correction(make_pair(0, 1.2)),))
    stage = {"stage": "service", "arm": "candidate"}
    name = "socklat_gate_stage_seconds"
    raw = value(result, name, quantile="0.5", numbers="raw", **stage)
    run = result.pairs[0].candidate
    assert raw == pytest.approx(run.histograms["service"].quantile_ns(0.5) / 1e9)
    corrected = value(result, name, quantile="0.5", numbers="corrected", **stage)
    assert corrected < raw
    assert value(result, f"{name}_count", numbers="raw", **stage) == 2000
    assert value(result, f"{name}_count", numbers="corrected", **stage) < 2000
    mean = value(result, f"{name}_sum", numbers="raw", **stage) / 2000
    assert mean == pytest.approx(run.histograms["service"].mean_ns() / 1e9)


def test_the_metrics_and_their_evidence():
    result = make_result()
    p99 = {"metric": "response_p99"}
    assert value(result, "socklat_gate_metric_change_ratio", **p99) == pytest.approx(0.31)
    assert value(result, "socklat_gate_metric_ci_high_ratio", **p99) == pytest.approx(0.39)
    evidence = "socklat_gate_metric_evidence"
    assert value(result, evidence, to="fail", of="evidence", **p99) == 32_104
    assert value(result, evidence, to="pass", of="threshold", **p99) == 20
    state = {"socklat_gate_metric_verdict": "regression"}
    assert value(result, "socklat_gate_metric_verdict", **p99, **state) == 1


def test_what_is_not_known_is_left_out_and_what_has_no_bound_is_not():
    result = make_result()
    metric = replace(make_cpu_metric(Outcome.PASS), change=math.nan, ci_high=math.inf)
    result = replace(result, verdict=replace(result.verdict, metrics=(metric,)))
    found = families(result)
    assert "socklat_gate_metric_change_ratio" not in found
    assert found["socklat_gate_metric_ci_high_ratio"].samples[0].value == math.inf


def test_spikes_and_completeness():
    result = make_result()
    result = replace(
        result, verdict=replace(result.verdict, spikes=make_spike_verdict(candidate=3))
    )
    assert value(result, "socklat_gate_spikes", arm="candidate") == 3
    assert value(result, "socklat_gate_spikes_exposure_seconds", arm="stored") == 120
    assert value(result, "socklat_gate_spikes_threshold_seconds") == 0.05
    assert value(result, "socklat_gate_exchanges", fate="recorded") == 12_000


def test_counts_of_both_arms():
    result = make_result()
    counts = (make_count_verdict(failed=True), make_count_verdict("capacity"))
    result = replace(result, verdict=replace(result.verdict, counts=counts))
    assert value(result, "socklat_gate_counted", count="errors", arm="candidate") == 31
    assert value(result, "socklat_gate_counted_of", count="errors", arm="baseline") == 48_000
    assert value(result, "socklat_gate_counted_evidence", count="errors", of="threshold") == 2000
    assert value(result, "socklat_gate_counted_failed", count="errors") == 1
    assert value(result, "socklat_gate_counted_failed", count="capacity") == 0


def test_twins_are_told_once():
    result = make_result()
    twins = (
        make_metric("response_p50", Outcome.PASS),
        make_metric("response_p50", Outcome.REGRESSION),
    )
    result = replace(result, verdict=replace(result.verdict, metrics=twins))
    assert value(result, "socklat_gate_metric_change_ratio", metric="response_p50") == 0.004
