from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import StallCorrected
from socklat_gate.scenario import Gate
from tests.benchmarks.jobs import as_pairs, budget_pairs, decide_jobs, draw, table
from tests.benchmarks.recorded import SUFFIX, Facts, save
from tests.benchmarks.refusals import refused
from tests.benchmarks.replay import disagreements, replay, stages_named
from tests.benchmarks.replay_page import report, upper_bound
from tests.unit.factories import make_spike
from tests.unit.recordings import recorded_pair

JOBS = 200
NO_SPIKES = {"spikes": {"enabled": False}}


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("pairs")
    for name, kind, stage, factor in [
        ("api-same", "same", "", 1.0),
        ("api-app-10", "effect", "app", 1.1),
    ]:
        pairs = [recorded_pair(i, exchanges=8000, app_factor=factor) for i in range(12)]
        pairs[3] = replace(pairs[3], excluded=Note(NoteCode.STEAL))
        facts = Facts(name, "a machine", name, kind, 9.0, stage, gate=NO_SPIKES)
        save(directory / f"{name}{SUFFIX}", pairs, facts)
    return directory


def spiky_pair(index: int, ours: int, theirs: int) -> Pair:
    """Spikes of 100 ms, 2 s apart, in the candidate and in the baseline."""
    pair = recorded_pair(index, exchanges=6000)

    def spikes(count: int) -> tuple:
        return tuple(make_spike(100_000_000, 10**9 * (5 + 2 * n)) for n in range(count))

    return replace(
        pair,
        baseline=replace(pair.baseline, spikes=spikes(theirs), duration_s=8.0 + index / 7),
        candidate=replace(pair.candidate, spikes=spikes(ours)),
    )


def test_equal_arms_hardly_ever_fail_and_a_change_is_found_and_named(sets):
    same = replay(sets / f"api-same{SUFFIX}", JOBS, seed=1)
    assert same.excluded == 1
    assert same.seconds == pytest.approx(9.0 * 12 / 11)
    assert same.decided.failed.mean() <= 0.02
    assert same.swapped is not None
    assert same.swapped.failed.mean() <= 0.02
    assert same.decided.passed.mean() > 0.9
    slow = replay(sets / f"api-app-10{SUFFIX}", JOBS, seed=1)
    assert slow.swapped is None
    assert slow.decided.failed.mean() > 0.9
    assert slow.decided.failed_by.shape == (len(slow.known.gate.metrics) + 1, JOBS)
    named = stages_named(slow, 20)
    assert sum(named.values()) == 20
    assert named["right"] > named["other"] + named["none"]


def test_replayed_jobs_end_where_the_gate_ends(sets):
    for name in ("api-same", "api-app-10"):
        assert disagreements(replay(sets / f"{name}{SUFFIX}", JOBS, seed=2), 10) == []


def test_a_pair_without_enough_exchanges_blocks_the_jobs_that_draw_it(tmp_path):
    pairs = [recorded_pair(i, exchanges=3000 if i == 2 else 8000) for i in range(5)]
    path = tmp_path / f"thin{SUFFIX}"
    save(path, pairs, Facts("thin", "m", "w", "same", 9.0, gate=NO_SPIKES))
    done = replay(path, JOBS, seed=3)
    assert not done.known.usable[2, 2]
    assert disagreements(done, 10) == []
    drew = (done.jobs.index == 2).argmax(axis=1) + 1
    assert (done.decided.pass_at[done.decided.passed] < drew[done.decided.passed]).all()


def test_spikes_are_judged_as_the_gate_does(tmp_path):
    counts = [(0, 0), (1, 0), (0, 0), (3, 0), (1, 1), (0, 0)]
    pairs = [spiky_pair(i, *both) for i, both in enumerate(counts)]
    path = tmp_path / f"spiky{SUFFIX}"
    # Metrics that cannot end a job early, so that the spikes get to decide it.
    metric = {"quantile": 0.5, "tolerance": 1.0, "regression_threshold": 2.0}
    gate = {"metrics": [metric], "max_pairs": 20, "spikes": {"factor": 1.1}}
    save(path, pairs, Facts("spiky", "m", "w", "effect", 9.0, gate=gate))
    done = replay(path, JOBS, seed=4)
    assert done.known.spikes is not None
    assert done.known.spikes.steady
    assert done.known.spikes.events.tolist() == [[0, 0, 0, 0, 1, 0], [0, 1, 0, 3, 1, 0]]
    assert done.decided.failed_by[-1].any()
    assert disagreements(done, 40) == []


def test_jobs_lose_their_correction_as_the_gate_does(tmp_path):
    pairs = []
    for at in range(8):
        pair = recorded_pair(at, exchanges=6000, app_factor=1.6)
        hidden = recorded_pair(at, exchanges=6000)
        corrected = StallCorrected(
            hidden.candidate.histograms, hidden.candidate.bands, hidden.candidate.histograms, 6000
        )
        candidate = replace(pair.candidate, corrected=corrected)
        towards = [1.0 if at % 2 else 0.5] * 5 + [-1.5] * 5
        evidence = {"late_tick": (*towards, *towards), "interference": (0.0,) * 20}
        pairs.append(replace(pair, candidate=candidate, stall_evidence=evidence))
    path = tmp_path / f"helper{SUFFIX}"
    save(path, pairs, Facts("helper", "m", "w", "same", 9.0, gate=NO_SPIKES))
    done = replay(path, JOBS, 8)
    assert done.known.evidence is not None
    assert done.decided.failed.all()
    swapped = draw(len(pairs), JOBS, done.budget, 8, swap=True)
    dropped = refused(done.known.evidence, swapped.index, swapped.swapped)
    assert 0 < dropped[:, 5].sum() < JOBS
    both = replace(done, jobs=swapped, decided=decide_jobs(done.known, swapped))
    assert disagreements(done, 20) == disagreements(both, 20) == []


def test_spikes_count_only_where_they_were_watched_for(tmp_path):
    pairs = [spiky_pair(i, *both) for i, both in enumerate([(1, 0), (0, 0), (0, 0), (1, 0)])]
    unwatched = {
        arm: replace(pairs[1].arm(arm), spike_threshold_ns=0, spikes=())
        for arm in ("baseline", "candidate")
    }
    pairs[1] = replace(pairs[1], **unwatched)
    metric = {"quantile": 0.5, "tolerance": 1.0, "regression_threshold": 2.0}
    gate = {"metrics": [metric], "max_pairs": 20, "spikes": {"factor": 1.1}}
    path = tmp_path / f"stop{SUFFIX}"
    save(path, pairs, Facts("stop", "m", "w", "effect", 9.0, gate=gate))
    done = replay(path, JOBS, 6)
    assert done.known.spikes is not None
    assert not done.known.spikes.exposure_s[:, 1].any()
    assert disagreements(done, 20) == []


def test_a_pass_waits_for_spikes_to_be_watched_for(tmp_path):
    pairs = [recorded_pair(i, exchanges=6000) for i in range(6)]
    metric = {"quantile": 0.5, "tolerance": 1.0, "regression_threshold": 2.0}
    path = tmp_path / f"calm{SUFFIX}"
    ends = []
    for watch_s in (0.0, 13.5 * pairs[0].candidate.duration_s):
        gate = {"metrics": [metric], "max_pairs": 20, "spikes": {"watch_s": watch_s}}
        save(path, pairs, Facts("calm", "m", "w", "same", 9.0, gate=gate))
        done = replay(path, JOBS, 7)
        assert disagreements(done, 10) == []
        ends.append(float(np.median(done.decided.pass_at)))
    assert ends[0] < 13
    assert ends[1] == 14


def test_the_report_has_a_row_for_each_set_and_the_bounds(sets):
    few = JOBS // 10
    done = [replay(sets / f"{name}{SUFFIX}", few, 1) for name in ("api-app-10", "api-same")]
    text = report(done, few, 0)
    assert "| api-same | 11 + 1 |" in text
    assert "| api-app-10 | api-app-10 | 11 + 1 |" in text
    assert "0 ended otherwise" in text


def test_jobs_swap_arms_only_when_asked_and_the_same_seed_gives_the_same_jobs():
    straight, swapped = (draw(7, 50, 9, 5, swap=swap) for swap in (False, True))
    assert np.array_equal(straight.index, swapped.index)
    assert straight.index.min() >= 0
    assert straight.index.max() < 7
    assert not straight.swapped.any()
    assert 0.3 < swapped.swapped.mean() < 0.7
    pairs = [recorded_pair(i, exchanges=2000) for i in range(7)]
    turned = int(swapped.swapped[0].argmax())
    job = as_pairs(pairs, swapped, 0, 9)
    assert job[turned].baseline == pairs[swapped.index[0, turned]].candidate
    assert [pair.index for pair in job] == list(range(9))


def test_pairs_of_one_start_are_refused():
    pairs = [replace(recorded_pair(i, exchanges=2000), start=4) for i in range(2)]
    with pytest.raises(ValueError, match="start"):
        table(pairs, Gate())


def test_swapping_turns_a_regression_into_an_improvement(sets):
    known = replay(sets / f"api-app-10{SUFFIX}", JOBS, seed=1).known
    jobs = draw(11, 50, 20, 1, swap=False)
    turned = replace(jobs, swapped=~jobs.swapped)
    assert decide_jobs(known, jobs).failed.mean() > 0.9
    assert not decide_jobs(known, turned).failed.any()


def test_the_budget_is_what_fits_into_pairs_and_minutes():
    assert budget_pairs(Gate(), 9.0) == 40
    assert budget_pairs(Gate(), 60.0) == 10
    assert budget_pairs(Gate(), 10_000.0) == 1


def test_the_upper_bound_is_the_rule_of_three_at_no_event():
    assert upper_bound(0, 10_000) == pytest.approx(3 / 10_000, rel=0.01)
    assert upper_bound(5, 5) == 1.0
