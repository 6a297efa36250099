from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gate.campaign import Bands
from gate.histogram import BAND_COUNT
from gate.verdict.attribution import attribute, slice_means_ns

from .builders import SERVICE_NS, STAGES, bands_of, pair_of, run_of

RECV_WAIT_NS = SERVICE_NS // 4


def shaped_pairs(recv_wait_more: list[int], app_more: list[int]) -> list:
    """Pairs whose candidate has these many more ns in each exchange of the slowest 1%."""
    slow = np.arange(SERVICE_NS.size) >= 0.99 * SERVICE_NS.size
    baseline = run_of(SERVICE_NS, RECV_WAIT_NS)
    return [
        pair_of(
            baseline,
            run_of(SERVICE_NS + slow * (recv + app), RECV_WAIT_NS + slow * recv),
            index,
        )
        for index, (recv, app) in enumerate(zip(recv_wait_more, app_more, strict=True))
    ]


def two_bands() -> Bands:
    """60 exchanges of 100 ns and 40 of 1000 ns, half of each spent waiting."""
    count = np.zeros(BAND_COUNT, dtype=np.uint64)
    sums = np.zeros((BAND_COUNT, 3), dtype=np.uint64)
    count[10], count[20] = 60, 40
    sums[10], sums[20] = (6000, 3000, 3000), (40000, 20000, 20000)
    return Bands(STAGES, count, sums)


def test_slice_means_take_the_edge_band_by_its_fraction() -> None:
    means = slice_means_ns(two_bands(), STAGES, 0.25, 0.75)
    service = (35 * 100 + 15 * 1000) / 50
    np.testing.assert_allclose(means, [service, service / 2, service / 2])
    np.testing.assert_allclose(slice_means_ns(two_bands(), STAGES, 0.9, 1.0), [1000, 500, 500])
    np.testing.assert_allclose(slice_means_ns(two_bands(), STAGES, 0.0, 1.0), [460, 230, 230])


def test_slice_means_refuse_what_they_cannot_answer() -> None:
    with pytest.raises(ValueError, match="respond"):
        slice_means_ns(two_bands(), ("service", "respond"), 0.0, 1.0)
    with pytest.raises(ValueError, match="ranks"):
        slice_means_ns(two_bands(), STAGES, 0.9, 0.9)
    with pytest.raises(ValueError, match="without exchanges"):
        slice_means_ns(bands_of([], []), STAGES, 0.0, 1.0)


def test_the_stage_that_got_slower_is_named_in_its_slice() -> None:
    more = [2_900_000 + 30_000 * i for i in range(8)]
    middle, slow10, slow1 = attribute(shaped_pairs(more, [300_000] * 8))
    assert (middle.slice, slow10.slice, slow1.slice) == ("middle", "slowest 10%", "slowest 1%")
    assert middle.stage is None
    assert middle.delta_ns == 0
    assert [share.share for share in middle.shares] == [0.0, 0.0]
    assert slow1.stage == "recv_wait"
    # The baseline's band on the slice's edge is wider than the slice: 1% of tolerance.
    total = np.mean(more) + 300_000
    assert slow1.delta_ns == pytest.approx(total, rel=0.01)
    assert slow1.shares[0].share == pytest.approx(np.mean(more) / total, abs=0.01)
    assert slow10.stage == "recv_wait"
    assert slow10.delta_ns == pytest.approx(total / 10, rel=0.01)


def test_shares_and_means_add_up() -> None:
    for found in attribute(shaped_pairs([900_000] * 7, [500_000] * 7))[1:]:
        assert sum(share.share for share in found.shares) == pytest.approx(1.0)
        parts = sum(share.candidate_ns - share.baseline_ns for share in found.shares)
        assert parts == pytest.approx(found.delta_ns)


def test_a_faster_candidate_is_attributed_too_and_swapping_flips_the_sign() -> None:
    pairs = shaped_pairs([100_000] * 6, [800_000] * 6)
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    slower, faster = attribute(pairs)[2], attribute(swapped)[2]
    assert slower.stage == faster.stage == "app"
    assert faster.delta_ns == -slower.delta_ns
    assert faster.shares[1].share == pytest.approx(slower.shares[1].share)


def test_few_pairs_name_no_stage() -> None:
    assert attribute(shaped_pairs([900_000] * 5, [0] * 5))[2].stage is None
    assert attribute(shaped_pairs([900_000] * 6, [0] * 6))[2].stage == "recv_wait"


def test_pairs_that_disagree_name_no_stage() -> None:
    # One huge pair moves the mean; 4 of 8 pairs got faster.
    recv = [9_000_000, 900_000, 900_000, 900_000, -200_000, -200_000, -200_000, -200_000]
    found = attribute(shaped_pairs(recv, [0] * 8))[2]
    assert found.delta_ns > 0
    assert found.stage is None


def test_a_stage_must_agree_itself_not_only_the_total() -> None:
    # The total rises in every pair; which stage carries it alternates.
    recv = [3_000_000, -200_000] * 4
    app = [0, 2_000_000] * 4
    found = attribute(shaped_pairs(recv, app))[2]
    assert found.shares[0].share == pytest.approx(0.58, abs=0.01)
    assert found.stage is None


def test_no_change_has_no_stage() -> None:
    for found in attribute(shaped_pairs([0] * 8, [0] * 8)):
        assert found.delta_ns == 0
        assert found.stage is None


def test_pairs_without_exchanges_or_set_aside_do_not_count() -> None:
    pairs = shaped_pairs([900_000] * 6, [0] * 6)
    empty = pair_of(run_of([]), run_of(SERVICE_NS), 6)
    aside = replace(shaped_pairs([0], [9_000_000])[0], set_aside="steal")
    assert attribute([*pairs, empty, aside]) == attribute(pairs)
    assert attribute([empty]) == ()
    assert attribute([]) == ()


def test_other_components_are_a_parameter() -> None:
    pairs = shaped_pairs([900_000] * 6, [0] * 6)
    assert [s.stage for s in attribute(pairs, ("app", "recv_wait"))[0].shares] == [
        "app",
        "recv_wait",
    ]
    with pytest.raises(ValueError, match="respond"):
        attribute(pairs, ("recv_wait", "app", "respond"))
