from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.clusters import (
    cluster_ids,
    cluster_means,
    cluster_sums,
    container_units,
)
from socklat_gate.verdict.decide import decide

from .builders import blocks_with, pairs_with

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)


def started(changes: list[float], starts: list[int | None]) -> list[Pair]:
    return [replace(p, start=s) for p, s in zip(pairs_with(changes), starts, strict=True)]


def test_pairs_without_a_start_are_units_of_their_own() -> None:
    assert cluster_ids(pairs_with([0.0] * 3), 5, closed=False).tolist() == [0, 1, 2]
    assert cluster_ids([]).tolist() == []


def test_pairs_of_a_start_are_one_unit() -> None:
    pairs = started([0.0] * 6, [7, 7, 9, None, 9, 12])
    assert cluster_ids(pairs).tolist() == [0, 0, 1, 2, 1, 3]


def test_a_start_that_is_still_measured_is_no_unit_yet() -> None:
    pairs = started([0.0] * 5, [0, 0, 0, 1, 1])
    assert cluster_ids(pairs, 3, closed=False).tolist() == [0, 0, 0, -1, -1]
    assert cluster_ids(pairs, 2, closed=False).tolist() == [0, 0, 0, 1, 1]
    assert cluster_ids(pairs, 3, closed=True).tolist() == [0, 0, 0, 1, 1]
    # A start that fell short because pairs were excluded is over when the next one follows.
    assert cluster_ids(started([0.0] * 3, [0, 1, 1]), 2, closed=False).tolist() == [0, 1, 1]


def test_means_and_sums_by_cluster() -> None:
    clusters = np.array([0, 0, 1, -1])
    assert cluster_sums([1.0, 2.0, 4.0, 8.0], clusters).tolist() == [3.0, 4.0]
    assert cluster_sums(np.ones((2, 4)), clusters).tolist() == [[2.0, 1.0], [2.0, 1.0]]
    assert cluster_means([1.0, 3.0, 4.0, 8.0], clusters).tolist() == [2.0, 4.0]
    assert cluster_means([1.0, math.nan, math.nan, 8.0], clusters).tolist() == [1.0]
    assert cluster_means([], np.empty(0, np.int64)).shape == (0,)


def test_many_pairs_of_one_start_are_little_evidence() -> None:
    gate = Gate(metrics=[P50], pairs_per_start=4)
    changes = [0.3 + 0.001 * n for n in range(16)]
    one_start = decide(started(changes, [n // 4 for n in range(16)]), gate)
    own_starts = decide(pairs_with(changes), gate)
    assert one_start.outcome is Outcome.INCONCLUSIVE
    assert own_starts.outcome is Outcome.REGRESSION
    assert one_start.metrics[0].evidence_fail <= 2**4
    assert one_start.metrics[0].change == pytest.approx(own_starts.metrics[0].change, abs=1e-4)
    assert one_start.pairs_to_decide is not None
    assert one_start.pairs_to_decide % 4 == 0


def test_evidence_is_never_taken_back_by_the_rest_of_a_start() -> None:
    gate = Gate(metrics=[P50], pairs_per_start=2)
    pairs = started([0.3] * 9 + [-0.3], [n // 2 for n in range(10)])
    found = [decide(pairs[:n], gate).metrics[0].evidence_fail for n in range(1, 11)]
    assert found[0] == 1.0
    assert found == sorted(found)
    assert found[8] == found[7]


def test_the_pairs_of_a_block_are_one_unit() -> None:
    pairs = blocks_with([[0.0, 0.1], [0.0, 0.1], [0.0, 0.1]])
    assert cluster_ids(pairs, closed=False).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_block_measured_again_on_its_containers_is_complete_with_all_of_them() -> None:
    twice = [replace(pair, start=0) for pair in blocks_with([[0.0, 0.1], [0.0, 0.1]])]
    assert cluster_ids(twice, 2, closed=False).tolist() == [0, 0, 0, 0]
    assert cluster_ids(twice[:2], 2, closed=False).tolist() == [-1, -1]


def test_units_are_the_means_of_each_container() -> None:
    clusters, replicas = np.array([0, 0, 0, 0, 1, 1, -1, -1]), [0, 1, 0, 1, 0, 1, 0, 1]
    values = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 18]])
    units, complete = container_units(values, replicas, clusters)
    assert units.tolist() == [[[2, 3], [12, 13]], [[5, 6], [15, 16]]]
    assert complete.tolist() == [True, True]


def test_a_container_without_a_value_does_not_vanish_from_a_mean() -> None:
    clusters, replicas = np.array([0, 0, 1, 1]), [0, 1, 0, 1]
    units, complete = container_units([[1.0] * 4, [2, 2, 2, math.nan]], replicas, clusters)
    assert complete.tolist() == [True, False]
    assert units.tolist() == [[[1, 1], [2, 2]]]
    # Of a container with several pairs the others stand for it, in both arms.
    units, complete = container_units(
        [[1.0, 1, 3, 1], [2, 2, 4, math.nan]], replicas, np.zeros(4, np.int64)
    )
    assert units.tolist() == [[[2, 1], [3, 2]]]
    assert complete.tolist() == [True]


def test_pairs_that_are_no_block_are_units_of_one_container() -> None:
    units, complete = container_units([[1.0, 2], [3, math.nan]], [0, 0], np.array([0, 1]))
    assert units.tolist() == [[[1], [3]]]
    assert complete.tolist() == [True, False]
    empty, none = container_units(np.zeros((2, 0)), [], np.zeros(0, np.int64))
    assert (empty.shape, none.shape) == ((0, 2, 1), (0,))
