"""Post-stratified weights: unbiased, no noisier, and deaf to a change of the mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.measured.records import EXCHANGE
from socklat_gate.stalls.correction import Named, StallCorrection, correct_stalls
from socklat_gate.stalls.shares import LEAST, scenario_shares
from tests.unit.stalls.simulated import MS, exchanges, stalls_at

SHARES = np.array([0.7, 0.25, 0.05])
MEANS_NS = np.array([100e3, 400e3, 2000e3])
STAGES = ("response", "service", "recv_wait", "app")
END_NS = 10_000 * MS
NO_STALLS = stalls_at(np.zeros(0, np.int64), np.zeros(0, np.int64))


def drawn(
    rng: np.random.Generator, n: int, mix: np.ndarray = SHARES
) -> tuple[np.ndarray, np.ndarray]:
    """Kinds and latencies of an arm's exchanges."""
    kind = rng.choice(mix.size, n, p=mix / mix.sum())
    return kind, MEANS_NS[kind] * rng.lognormal(0, 0.2, n)


def correct(
    arms: list[tuple[np.ndarray, np.ndarray]], *, named: bool, shares: np.ndarray = SHARES
) -> StallCorrection:
    records = [
        exchanges(np.linspace(0, END_NS, kind.size, False).astype(np.int64), ns.astype(np.int64))
        for kind, ns in arms
    ]
    kinds = Named([kind for kind, _ in arms], shares) if named else None
    return correct_stalls(records, NO_STALLS, 0, END_NS, STAGES, named=kinds)


def quantile(correction: StallCorrection, arm: int, q: float) -> float:
    return correction.corrected[arm].histograms["response"].quantile_ns(q)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_each_name_has_its_share_and_the_sum_stays(data: st.DataObject) -> None:
    names = data.draw(st.integers(1, 6))
    shares = np.array([data.draw(st.floats(0.01, 1.0)) for _ in range(names)])
    shares /= shares.sum()
    counts = [[data.draw(st.integers(0, 60)) for _ in range(names)] for _ in (0, 1)]
    unknown = data.draw(st.integers(0, 5))
    kinds = [np.repeat(np.arange(-1, names), [unknown, *count]) for count in counts]
    rng = np.random.default_rng(1)
    weights = [rng.uniform(1.0, 4.0, kind.size) for kind in kinds]
    for kind, weight, found in zip(
        kinds, weights, scenario_shares(kinds, weights, shares), strict=True
    ):
        assert found.sum() == pytest.approx(weight.sum())
        assert np.array_equal(found[kind < 0], weight[kind < 0])
        total = found[kind >= 0].sum()
        if all(min(one, other) >= LEAST for one, other in zip(*counts, strict=True)):
            for name in range(names):
                assert found[kind == name].sum() == pytest.approx(total * shares[name])
        # Within a name the weights keep their proportions.
        for name in range(names):
            ratio = found[kind == name] / weight[kind == name]
            assert np.allclose(ratio, ratio[:1])


def test_names_with_too_few_in_either_arm_are_pooled_in_both() -> None:
    kinds = [np.repeat([0, 1, 2], [100, 30, 3]), np.repeat([0, 1, 2], [100, 30, 30])]
    weights = [np.ones(kind.size) for kind in kinds]
    shares = np.array([0.5, 0.3, 0.2])
    for kind, found in zip(kinds, scenario_shares(kinds, weights, shares), strict=True):
        assert found[kind == 0].sum() == pytest.approx(0.5 * kind.size)
        # The second is large enough, but what would be left for the third alone is not.
        factors = found[kind > 0]
        assert np.allclose(factors, factors[0])


def test_exchanges_that_a_stall_made_unusable_stay_unused() -> None:
    kinds = [np.repeat([0, 1], [40, 40])] * 2
    weights = [np.tile([0.0, 2.0], 40)] * 2
    for found in scenario_shares(kinds, weights, np.array([0.9, 0.1])):
        assert not found[::2].any()
        assert found[:40].sum() == pytest.approx(9 * found[40:].sum())


def test_the_whole_is_unbiased_and_no_noisier_than_the_pooled() -> None:
    rng = np.random.default_rng(7)
    truth = np.quantile(drawn(rng, 2_000_000)[1], (0.5, 0.9, 0.99))
    found = {True: [], False: []}
    for _ in range(300):
        arms = [drawn(rng, 1000), drawn(rng, 1000)]
        for named, all_of in found.items():
            correction = correct(arms, named=named)
            all_of.append([quantile(correction, 0, q) for q in (0.5, 0.9, 0.99)])
    logs = {named: np.log(np.array(all_of) / truth) for named, all_of in found.items()}
    standard_error = logs[True].std(axis=0) / np.sqrt(300)
    assert np.all(np.abs(logs[True].mean(axis=0)) < 4 * standard_error + 0.004)
    assert np.all(logs[True].std(axis=0) < 1.02 * logs[False].std(axis=0))
    # At p90, which lies between two names, nearly all noise is the mix's.
    assert logs[True].std(axis=0)[1] < 0.7 * logs[False].std(axis=0)[1]


def test_another_mix_of_the_same_responses_does_not_move_the_whole() -> None:
    """As where a candidate leaves half of the slow requests without a response."""
    rng = np.random.default_rng(3)
    arms = [drawn(rng, 40_000), drawn(rng, 40_000, SHARES * [1.0, 1.0, 0.4])]
    for q, moved in ((0.9, 0.02), (0.96, 0.2)):
        pooled, whole = (
            abs(np.log(quantile(one, 1, q) / quantile(one, 0, q)))
            for one in (correct(arms, named=False), correct(arms, named=True))
        )
        assert whole < 0.03
        assert pooled > moved


def test_each_name_alone_has_the_weights_of_the_whole() -> None:
    rng = np.random.default_rng(5)
    kind, ns = drawn(rng, 4000)
    begins = np.arange(0, END_NS, 40 * MS)
    records = exchanges(np.sort(rng.integers(0, END_NS, 4000)), ns.astype(np.int64))
    stalls = stalls_at(begins, begins + 4 * MS)
    arms = [records, np.zeros(0, EXCHANGE)]
    kinds = Named([kind, np.zeros(0, np.int64)], SHARES)
    plain = correct_stalls(arms, stalls, 0, END_NS, STAGES)
    named = correct_stalls(arms, stalls, 0, END_NS, STAGES, named=kinds)
    assert (named.kept, named.stands_for, named.calm) == (
        plain.kept,
        plain.stands_for,
        plain.calm,
    )
    for stage in STAGES:
        parts = [one.histograms[stage].counts for one in named.named[0]]
        assert np.array_equal(np.sum(parts, axis=0), plain.corrected[0].histograms[stage].counts)
        used = [one.used[stage].counts for one in named.named[0]]
        assert np.array_equal(np.sum(used, axis=0), plain.corrected[0].used[stage].counts)
    assert [one.logged for one in named.named[0]] == np.bincount(kind, minlength=3).tolist()
    assert [one.logged for one in named.named[1]] == [0, 0, 0]
