"""Geometry and numbers behind the page's drawings."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.histogram import Histogram, band_edges_ns
from socklat_gate.measured.verdict import EvidenceTrace, Outcome
from socklat_gate.report.arm_runs import shown_runs
from socklat_gate.report.formats.html.curves import STEP, curve_document, curve_sets
from socklat_gate.report.formats.html.evidence_trace import evidence_document, evidence_traces
from socklat_gate.report.formats.html.heat_map import COLUMN, heat_document, heat_map
from socklat_gate.report.formats.html.intervals import interval_axis
from socklat_gate.report.formats.html.marks import MAX_MARKS
from socklat_gate.report.formats.html.page import MAX_COLUMNS
from socklat_gate.report.formats.html.waterfall import SEQUENCE, share_bars, waterfalls
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.band_means import slice_means_ns
from socklat_gate.verdict.decide import decide
from tests.unit.factories import (
    STAGES,
    make_metric,
    make_pair,
    make_result,
    make_spike,
    with_correction,
)
from tests.unit.report.rendered import render_html

GATE = Gate(
    metrics=[
        Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05),
        Metric(quantile=0.9, tolerance=0.05, regression_threshold=0.15),
    ]
)
RAW = make_result()


def decided(count=6, scale=1.3, gate=GATE, **changes):
    pairs = tuple(replace(make_pair(i, scale), **changes) for i in range(count))
    verdict = decide(pairs, gate, budget_spent=Reason.BUDGET_PAIRS)
    return replace(RAW, pairs=pairs, verdict=verdict)


# curves


def test_a_curve_holds_the_quantiles_of_all_exchanges_within_those_of_the_runs():
    (found,) = [one for one in curve_sets(shown_runs(RAW).arms) if one.stage == "service"]
    merged = Histogram.merged(p.baseline.histograms["service"] for p in RAW.pairs if not p.excluded)
    curve = found.curves[0]
    assert curve.exchanges == merged.total == 4000
    assert curve.at_ns[round(1 / STEP)] == pytest.approx(merged.quantile_ns(0.9), rel=1e-3)
    for at, low, high in zip(curve.at_ns, curve.low_ns, curve.high_ns, strict=True):
        if low is not None:
            assert low * 0.999 <= at <= high * 1.001
    # 4000 exchanges: 5 lie beyond x = 2.9; single runs have 2000, one lies beyond x = 3.3
    assert (len(curve.at_ns) - 1) * STEP == pytest.approx(2.9)


def test_bands_end_where_a_run_has_nothing_beyond():
    short = make_pair()
    small = replace(short.baseline, histograms={"service": Histogram.of(np.arange(1, 101) * 1000)})
    result = replace(RAW, pairs=(replace(short, baseline=small), make_pair(2)))
    found = curve_sets(shown_runs(result).arms)[0]
    assert found.stage == "service"
    assert [low is None for low in found.curves[0].low_ns].index(True) == round(2 / STEP) + 1


def test_corrected_curves_come_first_and_only_where_every_run_is():
    pairs = (with_correction(make_pair(0)), with_correction(make_pair(2)))
    sets = curve_sets(shown_runs(replace(RAW, pairs=pairs)).arms)
    assert [one.numbers for one in sets if one.stage == "service"] == ["corrected", "raw"]
    mixed = curve_sets(shown_runs(replace(RAW, pairs=(pairs[0], make_pair(2)))).arms)
    assert {one.numbers for one in mixed} == {"raw"}


def test_the_table_of_a_curve_has_the_ratio():
    found = curve_sets(shown_runs(replace(RAW, pairs=(make_pair(0, 2.0),))).arms)[0]
    assert [row[0] for row in found.table] == ["p50", "p75", "p90", "p95", "p99", "max"]
    assert float(found.table[0][3]) == pytest.approx(2.0, rel=0.1)
    one_arm = curve_sets(shown_runs(make_result("run")).arms)[0]
    assert {len(row) for row in one_arm.table} == {2}


def test_the_document_of_curves_is_small_and_complete():
    document = curve_document(shown_runs(RAW).arms, curve_sets(shown_runs(RAW).arms))
    assert document["arms"] == ["baseline", "candidate"]
    assert [one["stage"] for one in document["sets"]] == [*STAGES]
    assert all(len(f"{v:g}") <= 10 for v in document["sets"][0]["curves"][0]["at"])


# evidence


def test_the_evidence_is_redrawn_as_it_was_decided():
    result = decided()
    together, *traces = evidence_traces(result.verdict)
    assert max(1.0, *together.fail) == pytest.approx(result.verdict.together.evidence)
    for trace, metric in zip(traces, result.verdict.metrics, strict=True):
        assert trace.labels == tuple(range(6))
        assert max(1.0, *trace.fail) == pytest.approx(metric.evidence_fail)
        assert max(1.0, *trace.passed) == pytest.approx(metric.evidence_pass)
        assert trace.rows[0][0] == "0"
    document = evidence_document(traces)["metrics"]
    assert all(v >= 1e-3 for one in document for v in (*one["fail"], *one["pass"]))
    assert all(v <= 1e3 * one["threshold_fail"] for one in document for v in one["fail"])


def test_pairs_set_aside_do_not_count_and_starts_are_one_observation():
    result = decided(4, excluded="")
    pairs = (*result.pairs, make_pair(4, 9.0, excluded="noisy"))
    verdict = decide(pairs, GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert evidence_traces(verdict) == evidence_traces(result.verdict)
    gate = GATE.model_copy(update={"pairs_per_start": 2})
    pairs = tuple(replace(make_pair(i, 1.3), start=i // 2) for i in range(6))
    verdict = decide(pairs, gate, budget_spent=Reason.BUDGET_PAIRS)
    (_together, trace, _) = evidence_traces(verdict)
    assert trace.labels == (1, 3, 5)


def test_evidence_by_another_scale_is_drawn_as_it_was_decided():
    result = decided()
    verdict = decide(result.pairs, GATE, {"response_p50": 1.0}, Reason.BUDGET_PAIRS)
    trace = evidence_traces(verdict)[1]
    assert max(1.0, *trace.fail) == pytest.approx(verdict.metrics[0].evidence_fail)


def test_evidence_that_is_not_known_step_by_step_is_not_drawn():
    verdict = replace(decided().verdict, together=None)
    metrics = tuple(replace(one, trace=EvidenceTrace()) for one in verdict.metrics)
    assert evidence_traces(replace(verdict, metrics=metrics)) == ()
    endless = tuple(replace(one, threshold_fail=math.nan) for one in verdict.metrics)
    assert evidence_traces(replace(verdict, metrics=endless)) == ()
    assert evidence_traces(make_result("compare").verdict) == ()
    assert '"evidence":{"metrics":[]}' in render_html(make_result("run"))


# heat map


def heat_of(result, rare_ns=math.inf):
    runs = shown_runs(result)
    return heat_map(runs.labels, runs.columns[:MAX_COLUMNS], rare_ns)


def test_every_exchange_is_in_a_cell():
    heat = heat_of(RAW)
    assert [number for number, _ in heat.columns] == [0, 1, 2]
    assert heat.columns[1][1] == "steal 71% is above 60%"
    for counts in heat.counts:
        assert counts.sum(axis=1).tolist() == [2000] * 3
    assert set(heat.edges_ns) <= set(band_edges_ns().tolist())
    assert len(heat.edges_ns) == heat.counts[0].shape[1] + 1


def test_cells_lie_inside_the_drawing_and_the_slow_are_on_top():
    heat = heat_of(RAW)
    for panel in heat.panels:
        for path in panel.paths:
            for x, y, height in re.findall(r"M(\d+) ([\d.]+)h10v([\d.]+)h-10z", path):
                assert int(x) in {0, COLUMN, 2 * COLUMN}
                assert 0 <= float(y) <= float(y) + float(height) <= heat.height + 1
        p50, p99 = (float(re.match(r"M0 ([\d.]+)", line)[1]) for line in panel.lines)
        assert p99 < p50
    positions = [at for at, _ in heat.ticks]
    assert positions == sorted(positions, reverse=True)


def test_spikes_are_where_they_were():
    heat = heat_of(RAW, rare_ns=9_000_001)
    first = [mark for mark in heat.panels[1].marks if mark.column == 0]
    # 1.25 s of 8 s into the first run
    assert {round(mark.at, 3) for mark in first} == {round(1.25 / 8, 3)}
    assert {mark.rare for mark in first} == {True, False}
    assert first[0].text.startswith("rare spike of 9.00 ms at 1.250 s, most of it in app")


def test_too_many_spikes_are_cut_and_counted():
    many = tuple(make_spike(9_000_000 + n) for n in range(MAX_MARKS + 10))
    pair = make_pair()
    pair = replace(pair, candidate=replace(pair.candidate, spikes=many))
    heat = heat_of(replace(RAW, pairs=(pair,)))
    assert (len(heat.panels[1].marks), heat.panels[1].unmarked) == (MAX_MARKS, 10)


def test_the_machine_is_below_where_it_was_watched():
    assert heat_of(RAW).stalled == (None,) * 3
    watched = heat_of(replace(RAW, pairs=(with_correction(make_pair()),)))
    assert (watched.stalled, watched.interference) == ((0.02,), (0.004,))
    assert watched.rows[0][-3:-1] == ("2.00%", "0.40%")


def test_hundreds_of_pairs_and_none():
    pairs = tuple(replace(make_pair(), index=i) for i in range(MAX_COLUMNS + 5))
    assert len(heat_of(replace(RAW, pairs=pairs)).columns) == MAX_COLUMNS
    assert heat_of(make_result("gate", Outcome.INVALID)) is None
    document = heat_document(heat_of(RAW))
    assert document["aside"] == [False, True, False]


# stages


def test_stages_follow_each_other_and_add_up():
    for fall in waterfalls(shown_runs(RAW).arms):
        recv_wait, app, _ = fall.rows
        assert [row.stage for row in fall.rows] == list(SEQUENCE)
        for wait, work in zip(recv_wait.bars, app.bars, strict=True):
            assert wait.begin == 0
            assert work.begin == pytest.approx(wait.width, abs=0.02)
            assert not work.cut
    assert [fall.title for fall in waterfalls(shown_runs(RAW).arms)] == ["p50", "p99"]


def test_a_waterfall_shows_the_means_around_its_quantile():
    fall = waterfalls(shown_runs(replace(RAW, pairs=(make_pair(),))).arms)[0]
    bands = make_pair().baseline.bands
    (app_ns,) = slice_means_ns(bands, ["app"], 0.45, 0.55)
    assert fall.rows[1].bars[0].value == f"{app_ns / 1e3:.0f} µs"
    assert waterfalls([]) == ()


def test_runs_from_before_there_was_a_response_end_with_its_first_byte():
    pair = make_pair()
    bands, kept = pair.baseline.bands, [1, 2, 3, 4]
    older = replace(
        bands,
        stages=tuple(bands.stages[at] for at in kept),
        sums_ns=np.ascontiguousarray(bands.sums_ns[:, kept]),
    )
    assert older.stages == ("service", "recv_wait", "app", "respond")
    (fall, _) = waterfalls([("service", [replace(pair.baseline, bands=older)])])
    assert fall.whole_stage == "service"
    assert [row.stage for row in fall.rows] == ["recv_wait", "app"]
    assert fall.rows[0].change == ""


def test_shares_are_bars_between_nothing_and_all():
    bars = share_bars(RAW.verdict.attribution)
    assert bars["slowest 1%", "app"] == pytest.approx(96)
    part = RAW.verdict.attribution[0]
    odd = tuple(replace(s, share=v) for s, v in zip(part.shares, (-3.0, math.nan), strict=True))
    assert set(share_bars([replace(part, shares=odd)]).values()) == {0.0}


# intervals


def test_intervals_keep_their_order_on_the_axis():
    axis = interval_axis([make_metric("response_p99", Outcome.REGRESSION, 0.31)])
    (row,) = axis.rows
    assert axis.zero < row.tolerance < row.regression_threshold < row.low < row.at < row.high
    assert any(text == "0" for _, text in axis.ticks)
    positions = [at for at, _ in axis.ticks]
    assert np.diff(positions).min() >= 22


def test_unbounded_intervals_reach_the_edges():
    metric = replace(make_metric("response_p99", Outcome.PASS), ci_low=-math.inf, ci_high=math.inf)
    (row,) = interval_axis([metric]).rows
    assert (row.low, row.high) == (0, 100)
    (row,) = interval_axis([replace(metric, change=math.nan, ci_low=math.nan)]).rows
    assert row.at is None


def test_a_change_without_measure_stays_on_the_page():
    metric = replace(make_metric("response_p99", Outcome.REGRESSION), change=1e6, ci_high=1e9)
    (row,) = interval_axis([metric]).rows
    assert 0 <= row.low <= row.at <= row.high <= 100
