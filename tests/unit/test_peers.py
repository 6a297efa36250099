from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks.jobs import draw
from tests.benchmarks.peers import Scored, ahead, score_set, tuned
from tests.benchmarks.peers_page import section
from tests.benchmarks.recorded import SUFFIX, Facts, save
from tests.benchmarks.rules import otava
from tests.benchmarks.rules.pooled import POOLED, kolmogorov, mann_whitney, mean_ratio, t_score
from tests.benchmarks.rules.rule import Rule
from tests.benchmarks.rules.runs import RUNS, benchstat, kayenta
from tests.benchmarks.rules.sample import (
    QUANTILES,
    Sample,
    pooled_quantiles_ns,
    requests_of,
    samples,
)
from tests.unit.recordings import recorded_pair

PAIRS = [recorded_pair(i, exchanges=1500, sd=0.05) for i in range(6)]
RULE = Rule("peer", "what", 2.0, "knob", str, lambda sample: sample.baseline[:, 0])


@pytest.fixture(scope="module")
def sample() -> Sample:
    (found,) = samples(requests_of(PAIRS), draw(len(PAIRS), 8, 5, 1, swap=True))
    return found


def expanded(sample: Sample, job: int) -> tuple[np.ndarray, np.ndarray]:
    middle = sample.requests.middle_ns
    return tuple(
        np.repeat(middle, arm[job].astype(int)) for arm in (sample.baseline, sample.candidate)
    )


def test_a_sample_pools_the_requests_of_its_pairs_and_lists_their_values():
    jobs = draw(len(PAIRS), 8, 5, 1, swap=True)
    (found,) = samples(requests_of(PAIRS), jobs)
    for job in range(8):
        arms = [
            (p.candidate, p.baseline) if turned else (p.baseline, p.candidate)
            for p, turned in zip(
                [PAIRS[i] for i in jobs.index[job]], jobs.swapped[job], strict=True
            )
        ]
        before = sum(h.histograms["service"].counts.astype(int) for h, _ in arms)
        assert np.array_equal(found.baseline[job], before[before > 0]) or (
            found.baseline[job].sum() == before.sum()
        )
        values = [run.histograms["service"].quantiles_ns(QUANTILES) for _, run in arms]
        assert np.allclose(found.candidate_ns[job], np.transpose(values))


def test_pooled_quantiles_are_those_of_the_merged_histogram():
    requests = requests_of(PAIRS[:1])
    expected = PAIRS[0].baseline.histograms["service"].quantiles_ns(QUANTILES)
    assert np.allclose(pooled_quantiles_ns(requests, requests.counts[0]), expected)


def test_scores_on_pooled_requests_are_those_of_the_expanded_samples(sample):
    for job in range(4):
        x, y = expanded(sample, job)
        n, m = x.size, y.size
        assert mean_ratio(sample)[job] == pytest.approx(y.mean() / x.mean())
        assert t_score(sample)[job] == pytest.approx(stats.ttest_ind(y, x).statistic)
        two_sided = stats.mannwhitneyu(y, x, use_continuity=False, method="asymptotic").pvalue
        assert 2 * stats.norm.sf(abs(mann_whitney(sample)[job])) == pytest.approx(two_sided)
        distance = stats.ks_2samp(y, x, alternative="less").statistic
        assert kolmogorov(sample)[job] == pytest.approx(distance * np.sqrt(n * m / (n + m)))


def test_scores_on_runs_are_those_of_scipy(sample):
    for job in range(4):
        z = []
        for x, y in zip(sample.baseline_ns[job], sample.candidate_ns[job], strict=True):
            p = stats.mannwhitneyu(y, x, alternative="greater", method="asymptotic").pvalue
            z.append(float(-stats.norm.ppf(p)))
        # Below the middle, the continuity correction points the other way.
        if max(z) > 0:
            assert benchstat(sample)[job] == pytest.approx(max(z), abs=0.05)


def test_kayenta_alarms_at_a_clear_shift_and_not_without_one():
    rng = np.random.default_rng(1)
    x = rng.normal(100, 1, (50, 3, 20))
    calm = Sample(requests_of(PAIRS), x[:, 0], x[:, 0], x, rng.normal(100, 1, x.shape))
    shifted = replace(calm, candidate_ns=calm.candidate_ns + 4)
    rule = next(rule for rule in RUNS if rule.peer == "Kayenta")
    assert (kayenta(calm) > rule.default).mean() < 0.1
    assert (kayenta(shifted) > rule.default).all()


def test_every_rule_alarms_more_often_when_the_candidate_is_far_slower():
    slow = [recorded_pair(i, exchanges=1500, app_factor=2.5) for i in range(6)]
    jobs = draw(6, 20, 10, 1, swap=False)
    (found,) = samples(requests_of(slow), jobs)
    for rule in (*POOLED, *RUNS):
        scores = rule.score(found)
        assert scores.shape == (20,)
        if rule.peer != "pytest-benchmark, min":
            assert (scores > rule.default).all(), rule.peer


def test_otava_is_asked_in_its_own_environment(sample, monkeypatch):
    # Stands in for the other interpreter: an alarm at levels of 0.002 and more in a rising series.
    program = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    series, levels = json.loads(line)\n"
        "    half = len(series) // 2\n"
        "    up = sum(series[half:]) > sum(series[:half])\n"
        "    print(json.dumps([up and level >= 0.002 for level in levels]))\n"
    )
    monkeypatch.setattr(otava, "PROGRAM", program)
    rule = otava.otava_rule(sys.executable)
    rising = (sample.candidate_ns.sum(axis=-1) > sample.baseline_ns.sum(axis=-1)).any(axis=1)
    scores = rule.score(sample)
    assert np.allclose(scores[rising], -np.log10(0.002))
    assert not scores[~rising].any()
    assert not (scores > rule.default).any()
    assert rule.shown(rule.default) == "1e-03"
    assert json.dumps(otava.MAX_PVALUES)


def scored(
    name: str, kind: str, scores: list[float], ours: float, tolerated: bool = False
) -> Scored:
    facts = Facts(name, "m", "w", kind, 9.0)
    return Scored(facts, {"peer": np.array(scores)}, ours, ours, tolerated)


def test_thresholds_are_tuned_by_service_and_borrowed_where_nothing_is_known():
    sets = [
        scored("api-same", "same", list(range(200)), 0.0),
        scored("redis-same", "same", [0.5] * 200, 0.0),
        scored("api-slow", "effect", [198.0] * 200, 0.5),
        scored("other-slow", "effect", [300.0] * 100 + [1.0] * 100, 0.5),
    ]
    limits = tuned(sets, RULE)
    assert limits == {"api": 198.0, "redis": 0.5, "": 198.0}
    assert (np.arange(200) > limits["api"]).mean() <= 0.01
    assert ahead(sets, [RULE]) == []


def test_the_page_says_so_when_a_peer_is_ahead():
    sets = [
        scored("api-same", "same", [0.0] * 100, 0.0),
        scored("api-slow", "effect", [9.0] * 100, 0.4),
        scored("api-small", "effect", [9.0] * 100, 0.0, tolerated=True),
    ]
    text = "\n".join(section(sets, [RULE], 20))
    assert "peer on api-slow (100%; ours 40%" in text
    assert "meant to accept" in text
    behind = [sets[0], scored("api-slow", "effect", [0.0] * 100, 0.4)]
    assert "by more than 1%: none." in "\n".join(section(behind, [RULE], 20))


def test_a_set_is_scored_at_each_number_of_pairs(tmp_path):
    path = tmp_path / f"api-slow{SUFFIX}"
    pairs = [recorded_pair(i, exchanges=8000, app_factor=1.2) for i in range(8)]
    facts = Facts("api-slow", "m", "w", "effect", 9.0, "app", gate={"spikes": {"enabled": False}})
    save(path, pairs, facts)
    few, many = score_set(path, [*POOLED, *RUNS], 40, [5, 15], seed=1)
    assert few.service == "api"
    assert not few.tolerated
    assert few.ours <= many.ours
    assert many.ours > 0.9
    assert many.strict >= many.ours
    assert all(scores.shape == (40,) for scores in many.scores.values())
