from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run, Spike
from socklat_gate.measured.verdict import Outcome, SpikeVerdict
from socklat_gate.scenario.gating import Gate, Metric, Spikes, Waiver
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.spike_events import count_pairs, event_count, threshold_ns
from socklat_gate.verdict.spikes import judge_spikes
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.reasons import reason_text

from .builders import SERVICE_NS, block_of, campaign_of, pair_of, run_of, scaled_run

SECOND = 1_000_000_000
GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
REFERENCE = scaled_run(0.0)


def spiky(times_s: Sequence[float], service_ms: float = 80.0, run: Run = REFERENCE) -> Run:
    """The run with a spike at each of these times."""
    service = int(service_ms * 1e6)
    spikes = tuple(
        Spike(int(at * SECOND), {"service": service, "recv_wait": 0, "app": service}, "peer", 0)
        for at in times_s
    )
    return replace(run, spikes=spikes, counters={**run.counters, "spikes": len(spikes)})


def pairs_of(ours: Sequence[int], theirs: Sequence[int]) -> list[Pair]:
    """Pairs whose arms have this many events, 2 s apart."""
    return [
        pair_of(spiky([2.0 * n for n in range(b)]), spiky([2.0 * n for n in range(c)]), i)
        for i, (c, b) in enumerate(zip(ours, theirs, strict=True))
    ]


def judged(pairs: list[Pair], gate: Gate = GATE, **more: object) -> SpikeVerdict:
    return judge_spikes(pairs, cluster_ids(pairs), gate, **more).verdict


@pytest.mark.parametrize(
    ("start_s", "service_s", "events"),
    [
        ([], [], 0),
        ([5.0], [0.1], 1),
        ([0.0, 0.05, 0.09], [0.1, 0.1, 0.1], 1),
        ([0.0, 1.0], [0.1, 0.1], 1),
        ([0.0, 1.2], [0.1, 0.1], 2),
        ([0.0, 1.0, 2.0, 3.0], [0.1] * 4, 1),
        ([0.0, 0.1, 4.0], [4.5, 0.1, 0.1], 1),
        ([9.0, 0.0], [0.1, 0.1], 2),
    ],
)
def test_exchanges_close_in_time_are_one_event(
    start_s: list[float], service_s: list[float], events: int
) -> None:
    assert event_count(np.array(start_s) * SECOND, np.array(service_s) * SECOND) == events


def test_the_limit_is_the_floor_or_a_multiple_of_the_baselines_tail() -> None:
    pair = pair_of(scaled_run(0.0), scaled_run(3.0))
    assert threshold_ns([pair], Spikes()) == 50e6
    tail_ns = scaled_run(0.0).histograms["service"].quantile_ns(0.999)
    assert threshold_ns([pair], Spikes(floor_ms=0.1)) == pytest.approx(5 * tail_ns)
    assert threshold_ns([pair_of(run_of([]), run_of([]))], Spikes()) == 50e6
    assert threshold_ns([], Spikes()) == 50e6


def test_runs_in_which_the_machine_stalled_do_not_raise_the_limit() -> None:
    usual, stalled = scaled_run(0.0), scaled_run(9.0)
    pairs = [pair_of(run, usual) for run in [usual] * 9 + [stalled] * 4]
    rule = Spikes(floor_ms=0.1)
    assert threshold_ns(pairs, rule) == threshold_ns(pairs[:1], rule)


def test_only_exchanges_above_the_limit_count() -> None:
    below = pair_of(REFERENCE, spiky([0.0, 3.0], service_ms=49.0))
    above = pair_of(REFERENCE, spiky([0.0, 3.0], service_ms=51.0))
    found = count_pairs([below, above], 50e6)
    assert found.events.tolist() == [[0, 0], [0, 2]]
    assert found.exposure_s.tolist() == [[6.0, 6.0], [6.0, 6.0]]
    assert found.notes == ()


def test_what_could_not_be_counted_is_said() -> None:
    unset = replace(REFERENCE, spike_threshold_ns=0)
    high = replace(spiky([0.0], 60.0), spike_threshold_ns=70_000_000)
    cut = spiky([0.0])
    cut = replace(cut, counters={**cut.counters, "spikes": 5_000})
    pairs = [
        pair_of(REFERENCE, unset, 0),
        pair_of(spiky([0.0], 60.0), high, 1),
        pair_of(REFERENCE, cut, 2),
    ]
    found = count_pairs(pairs, 50e6)
    assert found.exposure_s.tolist() == [[0.0, 6.0, 6.0]] * 2
    # The arm with the lower threshold is held against the higher one too.
    assert found.events.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert len(found.notes) == 3
    assert "not watched for" in note_text(found.notes[0])
    assert "in pair 1" in note_text(found.notes[1])
    assert "more spikes were counted than recorded" in note_text(found.notes[2])
    assert judged(pairs).notes == found.notes


def test_no_spikes_fail_nothing_and_state_the_power() -> None:
    found = judged(pairs_of([0] * 6, [0] * 6))
    assert not found.failed
    assert (found.baseline_events, found.candidate_events) == (0, 0)
    assert found.evidence == pytest.approx(1.0)
    assert found.p_value == 1.0
    assert found.mde_events is not None
    assert 8 <= found.mde_events <= 10
    assert found.mde_ratio == pytest.approx(2 * found.mde_events)
    assert found.rate_ratio == pytest.approx(1.0)


def test_more_spikes_are_a_regression_with_a_reason_of_its_own() -> None:
    pairs = pairs_of([1] * 10, [0] * 10)
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.code for fact in verdict.reasons] == [Reason.MORE_SPIKES]
    assert "10 spikes of 50.0 ms or more in 1 min 00 s" in reason_text(verdict.reasons[0], verdict)
    assert verdict.metrics[0].verdict is Outcome.PASS
    assert verdict.spikes is not None
    assert 0 < verdict.spikes.p_value < 0.005
    assert verdict.spikes.rate_ratio == pytest.approx(21.0)
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    assert decide(swapped, GATE).outcome is Outcome.PASS


def test_spikes_do_not_hold_up_a_pass() -> None:
    verdict = decide(pairs_of([1, 1, 0, 0, 0, 1], [0] * 6), GATE)
    assert verdict.outcome is Outcome.PASS
    assert verdict.spikes is not None
    assert verdict.spikes.evidence > 3


def test_a_pass_waits_until_the_candidate_was_watched_as_long_as_asked() -> None:
    pairs = pairs_of([0] * 12, [0] * 12)
    exposure_s = pairs[0].candidate.duration_s
    watch = Spikes(watch_s=9.5 * exposure_s)
    gate = GATE.model_copy(update={"spikes": watch})
    assert decide(pairs[:9], GATE).outcome is Outcome.PASS
    waiting = decide(pairs[:7], gate)
    assert waiting.metrics[0].verdict is Outcome.PASS
    assert waiting.outcome is Outcome.INCONCLUSIVE
    assert [fact.code for fact in waiting.reasons] == [Reason.INSUFFICIENT_EXPOSURE]
    assert "about 3 more pairs needed" in reason_text(waiting.reasons[0], waiting)
    assert waiting.pairs_to_decide == 3
    spent = decide(pairs[:9], gate, budget_spent=Reason.BUDGET_PAIRS)
    codes = [fact.code for fact in spent.reasons]
    assert codes == [Reason.INSUFFICIENT_EXPOSURE, Reason.BUDGET_PAIRS]
    assert decide(pairs[:10], gate).outcome is Outcome.PASS
    # A regression does not wait, and what nobody watches for holds up nothing.
    assert decide(pairs_of([1] * 9, [0] * 9), gate).outcome is Outcome.REGRESSION
    off = GATE.model_copy(update={"spikes": Spikes(enabled=False, watch_s=1e6)})
    assert decide(pairs[:9], off).outcome is Outcome.PASS


def test_what_stopped_both_arms_at_once_counts_for_neither() -> None:
    def marked(run: Run) -> Run:
        return replace(run, spikes=tuple(replace(spike, shared=True) for spike in run.spikes))

    pairs = pairs_of([1] * 10, [0] * 9 + [1])
    assert judged(pairs).failed
    shared = [replace(p, baseline=marked(p.baseline), candidate=marked(p.candidate)) for p in pairs]
    found = judged(shared)
    assert (found.baseline_events, found.candidate_events) == (0, 0)
    assert not found.failed
    assert "both arms paused at the same moment" in note_text(found.notes[0])
    stored = [campaign_of([marked(run) for run in stored_of(100, events=50)[0].runs])]
    assert judged(shared, stored=stored).stored_events == 0
    assert judged(shared, stored=stored).stored_exposure_s > 0


def test_the_stage_in_which_spikes_spent_most_of_their_time() -> None:
    def waiting(run: Run, recv_wait_ms: int) -> Run:
        stages = {"service": 80_000_000, "recv_wait": recv_wait_ms * 1_000_000}
        stages["app"] = stages["service"] - stages["recv_wait"]
        return replace(run, spikes=tuple(replace(s, stages_ns=stages) for s in run.spikes))

    pair = pairs_of([2], [1])[0]
    for recv_wait_ms, stage in ((79, "recv_wait"), (1, "app"), (40, "")):
        # The baseline's do not count.
        mixed = replace(
            pair,
            candidate=waiting(pair.candidate, recv_wait_ms),
            baseline=waiting(pair.baseline, 80 - recv_wait_ms),
        )
        assert judged([mixed]).stage == stage
    assert judged(pairs_of([0], [5])).stage == ""


def test_one_bad_start_is_no_regression() -> None:
    found = judged(pairs_of([400, 0, 0, 0], [0] * 4))
    assert found.candidate_events == 400
    assert found.by_runs
    assert not found.failed
    # Nor is it before the other pairs show that it was only one.
    assert not judged(pairs_of([400], [0])).failed


def test_frequent_spikes_are_compared_run_by_run() -> None:
    found = judged(pairs_of([9] * 10, [3] * 10))
    assert found.by_runs
    assert found.failed
    assert not judged(pairs_of([9, 3] * 5, [3, 9] * 5)).failed


def stored_of(exposure_runs: int, events: int = 0) -> list:
    runs = [spiky([0.0]) if n < events else REFERENCE for n in range(exposure_runs)]
    return [campaign_of(runs)]


def test_stored_campaigns_are_shown_and_are_no_evidence() -> None:
    pairs = pairs_of([0, 1, 0, 1, 1], [0] * 5)
    calm, busy = stored_of(400), stored_of(100, events=50)
    alone, beside, other = (judged(pairs, stored=stored) for stored in ((), calm, busy))
    assert (alone.stored_events, alone.stored_exposure_s) == (0, 0.0)
    assert (beside.stored_events, beside.stored_exposure_s) == (0, 2400.0)
    assert (other.stored_events, other.stored_exposure_s) == (50, 600.0)
    # A machine that halts both arms more often than it once did is no candidate's fault.
    assert alone.evidence == beside.evidence == other.evidence
    assert not beside.failed
    assert beside.rate_ratio == alone.rate_ratio == pytest.approx(7.0)
    # A stored run that sent up only what lies above a higher limit does not count.
    high = [replace(run, spike_threshold_ns=60_000_000) for run in calm[0].runs]
    assert judged(pairs, stored=[campaign_of(high)]).stored_exposure_s == 0


def test_waived_spikes_may_be_more_up_to_the_ceiling() -> None:
    waiver = Waiver(
        metric="spikes",
        ceiling=9.0,
        expires=datetime.date(2030, 1, 1),
        link="https://x/1",
        baseline="1f2e3d4c5b6a",
    )
    pairs = pairs_of([1] * 10, [0] * 10)
    verdict = decide(pairs, GATE, waivers=[waiver])
    assert verdict.outcome is Outcome.PASS
    assert verdict.spikes is not None
    assert verdict.spikes.tolerance_ratio == 10.0
    assert verdict.spikes.waived is not None
    assert verdict.spikes.waived.expires == "2030-01-01"


def test_spikes_that_are_not_judged_are_left_out() -> None:
    off = GATE.model_copy(update={"spikes": Spikes(enabled=False)})
    verdict = decide(pairs_of([1] * 10, [0] * 10), off)
    assert verdict.outcome is Outcome.PASS
    assert verdict.spikes is None
    assert verdict.metrics[0].threshold_fail == pytest.approx(125)
    with pytest.raises(ValueError, match="does not judge"):
        judged([], off)


def test_no_pairs_and_no_exposure_are_defined() -> None:
    for pairs in ([], [pair_of(replace(REFERENCE, spike_threshold_ns=0), REFERENCE)]):
        found = judged(pairs)
        assert not found.failed
        assert found.candidate_exposure_s == 0
        assert np.isnan(found.rate_ratio)
        assert found.mde_events is None
        assert found.mde_ratio == float("inf")


def test_overlapping_requests_leave_spikes_undecided() -> None:
    mixed = {"overlapped": 900, "recorded": 1000}
    pairs = [
        replace(p, candidate=replace(p.candidate, counters=mixed))
        for p in pairs_of([1] * 10, [0] * 10)
    ]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.spikes is not None
    assert not verdict.spikes.failed


def test_a_run_of_ordinary_times_has_no_spikes() -> None:
    assert SERVICE_NS.max() < 50e6


def test_containers_of_an_arm_that_pause_together_are_one_event() -> None:
    """And the arm is exposed for as long as the block lasts, however many share its load."""
    calm, early, late = spiky([]), spiky([1.0]), spiky([4.0])
    block = block_of([calm, early], [early, early])
    counted = count_pairs(block, 5e7)
    assert counted.events.tolist() == [[1, 0], [1, 0]]
    assert counted.exposure_s.tolist() == [[6, 0], [6, 0]]
    apart = block_of([calm] * 4, [early, late, calm, early])
    assert count_pairs(apart, 5e7).events[1].tolist() == [2, 0, 0, 0]


def test_a_container_that_was_not_watched_leaves_its_block_without_exposure() -> None:
    blind = replace(spiky([]), spike_threshold_ns=0)
    block = block_of([spiky([])] * 2, [spiky([1.0]), blind], index=4)
    counted = count_pairs(block, 5e7)
    assert not counted.exposure_s.any()
    assert not counted.events.any()
    assert "spikes were not watched" in note_text(counted.notes[0])
