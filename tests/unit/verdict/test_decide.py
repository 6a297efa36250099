from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import WEIGHT_UNIT, Bands, Run, StallCorrected
from socklat_gate.measured.verdict import Outcome, Verdict, Waived
from socklat_gate.scenario import Gate, Metric, Waiver
from socklat_gate.verdict.decide import decide, default_scale
from socklat_gate.wording.reasons import reason_text

from .builders import SERVICE_NS, pair_of, pairs_with, run_of, scaled_run

GATE = Gate()
NOISE = np.random.default_rng(8).normal(0, 0.01, 40)


def codes(verdict: Verdict) -> list[Reason]:
    return [fact.code for fact in verdict.reasons]


def text(verdict: Verdict) -> str:
    return " | ".join(reason_text(fact, verdict) for fact in verdict.reasons)


def test_an_equal_candidate_passes_as_soon_as_it_can() -> None:
    pairs = pairs_with(NOISE[:12])
    verdicts = [decide(pairs[:n], GATE) for n in range(len(pairs) + 1)]
    first = next(n for n, v in enumerate(verdicts) if v.outcome is Outcome.PASS)
    # Fewer than 5 pairs carry less evidence than 2**5 > 20.
    assert 5 <= first <= 8
    assert all(v.outcome is Outcome.INCONCLUSIVE for v in verdicts[:first])
    assert all(v.outcome is Outcome.PASS for v in verdicts[first:])
    assert codes(verdicts[first]) == [Reason.NO_REGRESSION]
    assert verdicts[first].pairs == first
    assert verdicts[first].pairs_to_decide == 0


def test_a_slower_candidate_is_a_regression_in_every_metric() -> None:
    verdict = decide(pairs_with(0.4 + NOISE[:12]), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert codes(verdict) == [Reason.REGRESSION] * 4
    for metric in verdict.metrics:
        assert metric.verdict is Outcome.REGRESSION
        assert metric.change == pytest.approx(math.expm1(0.4), abs=0.02)
        assert metric.ci_low < metric.change < metric.ci_high
        assert metric.threshold_fail == pytest.approx(1000)
        assert metric.threshold_pass == pytest.approx(20)
        assert metric.evidence_fail >= 1000
        assert metric.candidate_ns / metric.baseline_ns == pytest.approx(1.49, abs=0.03)
        assert metric.pairs_to_decide == 0
    assert [m.name for m in verdict.metrics] == [
        "response_p50",
        "response_p90",
        "response_p99",
        "cpu_per_request",
    ]


def test_a_faster_candidate_passes() -> None:
    assert decide(pairs_with(-0.4 + NOISE[:12]), GATE).outcome is Outcome.PASS


def test_one_failed_metric_is_a_regression_though_the_others_pass() -> None:
    slow = np.arange(SERVICE_NS.size) >= 0.985 * SERVICE_NS.size
    pairs = [
        pair_of(scaled_run(0.0), run_of(SERVICE_NS * np.where(slow, 2.0, 1.0) * np.exp(x)), i)
        for i, x in enumerate(NOISE[:14])
    ]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [m.verdict for m in verdict.metrics] == [
        Outcome.PASS,
        Outcome.PASS,
        Outcome.REGRESSION,
        Outcome.PASS,
    ]
    assert codes(verdict) == [Reason.REGRESSION]
    assert "response_p99" in text(verdict)


def test_evidence_once_reached_is_kept() -> None:
    wild = [0.0] * 10 + [0.03] * 10
    gate = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
    alone = decide(pairs_with(wild[:10]), gate)
    longer = decide(pairs_with(wild), gate)
    assert alone.outcome is longer.outcome is Outcome.PASS
    assert longer.metrics[0].evidence_pass >= alone.metrics[0].evidence_pass


def test_a_regression_outweighs_an_earlier_pass() -> None:
    verdict = decide(pairs_with([0.0] * 8 + [0.5] * 25), GATE)
    assert verdict.outcome is Outcome.REGRESSION


def test_one_pair_decides_nothing_and_claims_nothing() -> None:
    verdict = decide(pairs_with([0.5]), GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.BETWEEN_LIMITS]
    assert verdict.metrics[0].ci_low == -math.inf
    assert verdict.metrics[0].ci_high == math.inf
    assert verdict.metrics[0].mde == math.inf
    assert verdict.pairs_to_decide is not None
    assert 7 <= verdict.pairs_to_decide <= 12


def test_no_pairs_decide_nothing() -> None:
    verdict = decide([], GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.BETWEEN_LIMITS]
    assert verdict.attribution == ()
    assert verdict.pairs_to_decide is None
    for metric in verdict.metrics:
        assert math.isnan(metric.change)
        assert math.isnan(metric.baseline_ns)
        assert metric.evidence_fail == metric.evidence_pass == 1.0
    spent = decide([], GATE, budget_spent=Reason.BUDGET_MINUTES)
    assert codes(spent) == [Reason.BUDGET_MINUTES, Reason.TOO_FEW_SAMPLES]


def test_a_spent_budget_says_how_many_more_pairs_would_decide() -> None:
    verdict = decide(pairs_with(NOISE[:3]), GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.BUDGET_PAIRS]
    assert verdict.pairs_to_decide is not None
    assert f"about {verdict.pairs_to_decide} more pair" in text(verdict)
    assert "after 3 usable pairs" in text(verdict)
    # The promise holds when the future does resemble the past.
    more = decide(pairs_with(np.tile(NOISE[:3], 4)[: 3 + verdict.pairs_to_decide + 2]), GATE)
    assert more.outcome is Outcome.PASS


def test_a_change_inside_the_indifference_zone_promises_no_decision() -> None:
    gate = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.021)])
    d = [math.log(1.0205) - 0.3, math.log(1.0205) + 0.3] * 4
    verdict = decide(pairs_with(d), gate, budget_spent=Reason.BUDGET_MINUTES)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.pairs_to_decide is None
    assert "not expected to decide" in text(verdict)


def test_a_decided_job_does_not_mention_the_budget() -> None:
    verdict = decide(pairs_with(NOISE[:12]), GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert codes(verdict) == [Reason.NO_REGRESSION]


def test_only_a_budget_can_be_spent() -> None:
    with pytest.raises(ValueError, match="not a budget"):
        decide([], GATE, budget_spent=Reason.DRIFT)


def test_an_arm_without_exchanges_can_never_pass() -> None:
    pairs = [*pairs_with(NOISE[:12]), pair_of(scaled_run(0.0), run_of([]), 12)]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.TOO_FEW_SAMPLES] * 4
    assert "pair 12, candidate" in text(verdict)
    assert verdict.pairs_to_decide is None
    assert all(m.verdict is Outcome.INCONCLUSIVE for m in verdict.metrics)
    assert verdict.pairs == 13


def test_too_few_exchanges_for_one_quantile_leave_the_others_judged() -> None:
    few = SERVICE_NS[::2]
    pairs = [*pairs_with(0.4 + NOISE[:12]), pair_of(run_of(few), run_of(few * 1.5), 12)]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert codes(verdict) == [*[Reason.REGRESSION] * 3, Reason.TOO_FEW_REQUESTS]
    assert verdict.metrics[2].verdict is Outcome.INCONCLUSIVE


def test_too_few_requests_are_named_with_what_it_would_take() -> None:
    few = SERVICE_NS[::125]  # 48 in 6 s
    verdict = decide([pair_of(run_of(few), run_of(few), 0)], GATE)
    assert codes(verdict) == [Reason.TOO_FEW_REQUESTS] * 3
    assert (
        "response_p99 cannot be judged: 48 requests in 6.0 s are too few, 8000 are needed: runs "
        "of 16 min 40 s at this rate, or 1\u202f334 requests a second" in text(verdict)
    )


def test_a_correction_that_leaves_one_arm_too_little_leaves_the_raw_numbers() -> None:
    # The candidate's slow requests met stalls so often that too few are left of them.
    pairs = [corrected_away(pair) for pair in pairs_with(0.4 + NOISE[:14])]
    thin = Histogram.of(SERVICE_NS[::3])
    for at, pair in enumerate(pairs):
        corrected = pair.candidate.corrected
        assert corrected is not None
        used = dict.fromkeys(corrected.used, thin)
        candidate = replace(pair.candidate, corrected=replace(corrected, used=used))
        pairs[at] = replace(pair, candidate=candidate)
    verdict = decide(pairs, GATE)
    assert codes(verdict) == [Reason.REGRESSION] * 4
    p99 = verdict.metrics[2]
    assert p99.change == pytest.approx(p99.raw_change)
    assert abs(verdict.metrics[0].change) < 0.05  # of which enough is left


@pytest.mark.parametrize("arm", ["baseline", "candidate"])
def test_overlapping_requests_in_either_arm_are_not_judged(arm: str) -> None:
    pairs = pairs_with(0.4 + NOISE[:12])
    mixed = {"overlapped": 200, "recorded": 6000}
    pairs = [replace(p, **{arm: replace(p.arm(arm), counters=mixed)}) for p in pairs]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.OVERLAPPING_REQUESTS]
    assert arm in text(verdict)
    assert all(m.verdict is Outcome.INCONCLUSIVE for m in verdict.metrics)
    allowed = decide(pairs, Gate(max_overlap=0.05))
    assert allowed.outcome is Outcome.REGRESSION


def test_runs_without_the_counters_are_an_invalid_measurement() -> None:
    pairs = pairs_with([0.0])
    pairs = [replace(p, baseline=replace(p.baseline, counters={"recorded": 1})) for p in pairs]
    with pytest.raises(InvalidMeasurement):
        decide(pairs, GATE)


def test_pairs_set_aside_change_nothing() -> None:
    pairs = pairs_with(NOISE[:6])
    aside = [replace(p, excluded=Note(NoteCode.STEAL)) for p in pairs_with([3.0] * 20)]
    assert decide([*pairs, *aside], GATE) == decide(pairs, GATE)


def test_swapped_arms_mirror_the_change() -> None:
    pairs = pairs_with(0.2 + NOISE[:11])
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    slower, faster = decide(pairs, GATE), decide(swapped, GATE)
    assert (slower.outcome, faster.outcome) == (Outcome.REGRESSION, Outcome.PASS)
    for there, back in zip(slower.metrics, faster.metrics, strict=True):
        assert (1 + there.change) * (1 + back.change) == pytest.approx(1.0)
        # The ends have levels of their own: what fails takes more evidence than what passes.
        assert there.ci_low > there.tolerance
        assert (1 + there.ci_low) * (1 + back.ci_high) <= 1.0


def test_equal_samples_in_one_bucket_pass() -> None:
    run = run_of(np.full(6000, 123_456))
    verdict = decide([pair_of(run, run, i) for i in range(6)], GATE)
    assert verdict.outcome is Outcome.PASS
    assert [m.change for m in verdict.metrics] == [0.0] * 4
    assert all(a.stage is None for a in verdict.attribution)


def test_the_scale_is_the_zone_and_can_be_given() -> None:
    metric = GATE.metrics[0]
    assert default_scale(metric) == pytest.approx(math.log(1.05 / 1.02))
    pairs = pairs_with(NOISE[:8])
    same = decide(pairs, GATE, scales={m.name: default_scale(m) for m in GATE.metrics})
    assert same == decide(pairs, GATE)
    other = decide(pairs, GATE, scales={"response_p50": 0.3})
    assert other.metrics[0].evidence_pass != same.metrics[0].evidence_pass
    with pytest.raises(ValueError, match="service_p42"):
        decide(pairs, GATE, scales={"service_p42": 0.3})


def test_the_stage_is_named() -> None:
    baseline = run_of(SERVICE_NS, SERVICE_NS // 4)
    candidate = run_of(SERVICE_NS + 200_000, SERVICE_NS // 4 + 200_000)
    verdict = decide([pair_of(baseline, candidate, i) for i in range(12)], GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [a.stage for a in verdict.attribution] == ["recv_wait"] * 3


CPU = Gate(metrics=[Metric(stage="cpu", tolerance=0.01, regression_threshold=0.03)])


def test_cpu_time_per_request_is_judged_like_a_quantile() -> None:
    noise = 0.7 * NOISE
    (metric,) = decide(pairs_with(math.log(1.03) + noise[:30]), CPU).metrics
    assert metric.verdict is Outcome.REGRESSION
    assert metric.name == "cpu_per_request"
    assert metric.baseline_ns == pytest.approx(100_000, rel=0.01)
    assert metric.change == pytest.approx(0.03, abs=0.01)
    assert decide(pairs_with(noise[:12]), CPU).outcome is Outcome.PASS


def test_cpu_time_that_nobody_measured_never_passes() -> None:
    def blind(pair: Pair) -> Pair:
        arms = {a: replace(pair.arm(a), cpu_ns=0, cpu_exchanges=0) for a in ARMS}
        return replace(pair, **arms)

    pairs = pairs_with(NOISE[:12])
    verdict = decide([blind(pair) for pair in pairs], GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.NOT_MEASURED]
    assert "cpu_per_request cannot be judged" in text(verdict)
    some = decide([*pairs[:11], blind(pairs[11])], GATE)
    assert some.outcome is Outcome.INCONCLUSIVE
    assert codes(some) == [Reason.TOO_FEW_SAMPLES]


def waiver(metric: str = "response_p99", ceiling: float = 0.5) -> Waiver:
    return Waiver(
        metric=metric,
        ceiling=ceiling,
        expires=datetime.date(2030, 1, 1),
        link="https://example.org/7",
        baseline="1f2e3d4c5b6a",
    )


def test_a_waived_metric_is_judged_above_its_ceiling() -> None:
    gate = Gate(metrics=[GATE.metrics[2]])
    pairs = pairs_with(math.log(1.3) + NOISE[:14])
    assert decide(pairs, gate).outcome is Outcome.REGRESSION
    verdict = decide(pairs, gate, waivers=[waiver()])
    (metric,) = verdict.metrics
    assert verdict.outcome is Outcome.PASS
    assert metric.tolerance == 0.5
    # The zone is as wide as before on the log scale.
    assert metric.regression_threshold == pytest.approx(1.5 * 1.15 / 1.05 - 1)
    assert metric.waived == Waived(0.5, "2030-01-01", "https://example.org/7", "1f2e3d4c5b6a")
    beyond = decide(pairs_with(math.log(1.9) + NOISE[:14]), gate, waivers=[waiver()])
    assert beyond.outcome is Outcome.REGRESSION
    assert "waived until 2030-01-01" in text(beyond)


def test_a_waiver_of_one_metric_leaves_the_others_as_they_are() -> None:
    verdict = decide(pairs_with(0.3 + NOISE[:14]), GATE, waivers=[waiver()])
    assert verdict.outcome is Outcome.REGRESSION
    assert [m.waived is None for m in verdict.metrics] == [True, True, False, True]
    assert verdict.metrics[2].verdict is not Outcome.REGRESSION
    with pytest.raises(ValueError, match="service_p42"):
        decide([], GATE, waivers=[waiver("service_p42")])


def rebuilt(runs: Callable[[int], Run]) -> list[Pair]:
    return [pair_of(runs(0), runs(1), index) for index in range(12)]


@pytest.mark.parametrize(
    ("runs", "outcome", "reasons"),
    [
        (lambda arm: run_of(np.zeros(6000)), Outcome.INCONCLUSIVE, {Reason.NOT_MEASURED}),
        (
            lambda arm: run_of([]),
            Outcome.INCONCLUSIVE,
            {Reason.TOO_FEW_SAMPLES, Reason.NOT_MEASURED},
        ),
        (
            lambda arm: run_of([]) if arm else scaled_run(0.0),
            Outcome.INCONCLUSIVE,
            {Reason.TOO_FEW_SAMPLES},
        ),
        (
            lambda arm: replace(scaled_run(0.0), histograms={}),
            Outcome.INCONCLUSIVE,
            {Reason.NOT_MEASURED},
        ),
        (lambda arm: run_of(np.full(6000, 777)), Outcome.PASS, {Reason.NO_REGRESSION}),
        (lambda arm: run_of(np.full(6000, 1000 << arm)), Outcome.REGRESSION, {Reason.REGRESSION}),
        (
            lambda arm: replace(scaled_run(0.0), duration_s=0.0),
            Outcome.PASS,
            {Reason.NO_REGRESSION},
        ),
    ],
    ids=["zeros", "empty", "one arm empty", "no stage", "one bucket", "two buckets", "no time"],
)
def test_degenerate_runs_have_a_defined_outcome(
    runs: Callable[[int], Run], outcome: Outcome, reasons: set[Reason]
) -> None:
    pairs = rebuilt(runs)
    for number in range(len(pairs)):
        decide(pairs[:number], GATE)
    verdict = decide(pairs, GATE)
    assert verdict.outcome is outcome
    assert set(codes(verdict)) == reasons


def corrected_away(pair: Pair) -> Pair:
    """A correction that hides whatever the candidate's raw numbers show."""

    def like_the_baseline(run: Run) -> Run:
        shown = scaled_run(NOISE[pair.index % NOISE.size])
        weighted = {
            name: Histogram(histogram.counts * np.uint64(WEIGHT_UNIT))
            for name, histogram in shown.histograms.items()
        }
        bands = Bands(
            shown.bands.stages,
            shown.bands.count * np.uint64(WEIGHT_UNIT),
            shown.bands.sums_ns * np.uint64(WEIGHT_UNIT),
        )
        return replace(run, corrected=StallCorrected(weighted, bands, shown.histograms, 6000))

    return replace(
        pair,
        baseline=like_the_baseline(pair.baseline),
        candidate=like_the_baseline(pair.candidate),
    )


def test_a_correction_cannot_turn_a_regression_that_the_raw_numbers_show_into_a_pass() -> None:
    pairs = [corrected_away(pair) for pair in pairs_with(0.4 + NOISE[:14])]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    p99 = next(m for m in verdict.metrics if m.name == "response_p99")
    assert p99.verdict is Outcome.REGRESSION
    assert abs(p99.change) < 0.05  # what is shown is the corrected change
    same = [corrected_away(pair) for pair in pairs_with(NOISE[:14])]
    assert decide(same, GATE).outcome is Outcome.PASS


def raw_scaled(pair: Pair, factor: float) -> Pair:
    """The candidate's raw numbers are slower by a factor, its corrected ones are not."""
    corrected = corrected_away(pair)
    raw = scaled_run(NOISE[pair.index] + math.log(factor))
    candidate = replace(corrected.candidate, histograms=raw.histograms)
    return replace(corrected, candidate=candidate)


@pytest.mark.parametrize("factor", [1.3, 2.0, 8.8])
def test_a_pass_waits_while_the_raw_numbers_speak_for_a_regression(factor: float) -> None:
    pairs = [raw_scaled(pair, factor) for pair in pairs_with(NOISE[:14])]
    verdicts = [decide(pairs[:n], GATE) for n in range(len(pairs) + 1)]
    assert Outcome.PASS not in {verdict.outcome for verdict in verdicts}
    waiting = [verdict for verdict in verdicts if Reason.RAW_SLOWER in codes(verdict)]
    assert waiting
    assert "speak for a regression" in text(waiting[0])
    assert verdicts[-1].outcome is Outcome.REGRESSION
    spent = decide(pairs[: waiting[0].pairs], GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert codes(spent) == [Reason.RAW_SLOWER, Reason.BUDGET_PAIRS]


def test_a_change_inside_the_zone_waits_in_its_own_words_where_nothing_was_corrected() -> None:
    gate = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.5)])
    verdicts = [decide(pairs_with(0.1 + NOISE[:n]), gate) for n in range(1, 9)]
    waiting = next(verdict for verdict in verdicts if Reason.RAW_SLOWER in codes(verdict))
    assert "enough to pass by, but its numbers speak for a regression too" in text(waiting)
