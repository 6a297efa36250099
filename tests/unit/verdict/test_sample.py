from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from socklat_gate.verdict.sample import Sample, as_sample, sample_of_units

RNG = np.random.default_rng(5)


def units(k: int, clusters: int = 3) -> np.ndarray:
    return RNG.normal(12.0, 0.1, (clusters, 2, k))


@pytest.mark.parametrize(("k", "ways"), [(1, 2), (2, 6), (3, 20), (4, 70)])
def test_every_labeling_is_there_once_up_to_its_mirror_image(k: int, ways: int) -> None:
    sample = sample_of_units(units(k))
    assert (sample.labelings, sample.containers) == (ways, k)
    if sample.contrasts is None or sample.overlaps is None:
        assert k == 1
        return
    assert sample.contrasts.shape == (3, ways // 2)
    assert sample.overlaps.shape == (ways // 2,)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_contrasts_are_differences_of_means_and_the_first_is_the_true_one(k: int) -> None:
    given = units(k)
    sample = sample_of_units(given)
    assert sample.contrasts is not None
    np.testing.assert_allclose(sample.contrasts[:, 0], sample.d, atol=1e-12)
    flat = given[0].ravel()
    expected = {
        round(abs(flat[list(chosen)].mean() * 2 - flat.sum() / k), 9)
        for chosen in combinations(range(2 * k), k)
    }
    assert {round(abs(x), 9) for x in sample.contrasts[0].tolist()} == expected


@pytest.mark.parametrize("k", [1, 2, 4])
def test_shifting_the_sample_is_shifting_the_candidates_containers(k: int) -> None:
    given = units(k)
    slower = given + np.array([0.0, 0.3])[:, np.newaxis]
    ours, theirs = sample_of_units(given).shifted(0.3), sample_of_units(slower)
    np.testing.assert_allclose(ours.d, theirs.d)
    if ours.contrasts is not None and theirs.contrasts is not None:
        np.testing.assert_allclose(ours.contrasts, theirs.contrasts, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_mirroring_the_sample_is_swapping_the_arms(k: int) -> None:
    given = units(k)
    ours, theirs = sample_of_units(given).mirrored(), sample_of_units(given[:, ::-1])
    np.testing.assert_allclose(ours.d, theirs.d, atol=1e-12)
    if ours.contrasts is not None and theirs.contrasts is not None:
        # The same labelings, of which the mirror image is as good.
        np.testing.assert_allclose(
            np.sort(np.abs(ours.contrasts)), np.sort(np.abs(theirs.contrasts)), atol=1e-12
        )


def test_chosen_clusters_keep_what_belongs_to_them() -> None:
    sample = sample_of_units(units(2), [0.1, 0.2, 0.3])
    kept = sample.taken(np.array([True, False, True]))
    assert kept.errors is not None
    assert kept.errors.tolist() == [0.1, 0.3]
    assert kept.size == 2
    assert kept.labelings == sample.labelings
    assert not kept.same_as(sample)
    assert sample.same_as(sample_of_units(units(2), [0.1, 0.2, 0.3])) is False
    assert kept.same_as(sample.taken(np.array([0, 2])))


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (Sample(np.zeros(2), np.zeros(3)), "shape"),
        (Sample(np.zeros(2), np.array([0.1, math.nan])), "standard error"),
        (Sample(np.zeros(2), np.array([0.1, -0.1])), "standard error"),
        (Sample(np.array([0.0, math.inf])), "infinite"),
    ],
)
def test_what_is_no_sample_is_refused(sample: Sample, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        as_sample(sample)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 3, 1), (3, 2, 0)])
def test_units_have_two_arms_and_containers(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="units have shape"):
        sample_of_units(np.zeros(shape))
