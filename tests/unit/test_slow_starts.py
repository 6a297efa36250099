"""The simulation of candidates that are slow in some starts, as docs/lab/blocks.md has it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.slow_starts import BUDGET, decided, job


@pytest.mark.parametrize(("containers", "looks"), [(1, 5), (2, 8), (4, 4)])
def test_equal_arms_pass_once_so_many_starts_are_there(containers: int, looks: int) -> None:
    ended = decided(np.zeros((BUDGET, 2, containers)))
    assert (ended.outcome, ended.looks) == ("pass", looks)


@pytest.mark.parametrize(("containers", "looks"), [(1, 10), (2, 4), (4, 2)])
def test_a_gross_change_fails_in_as_many_blocks_as_bits_take(containers: int, looks: int) -> None:
    units = np.zeros((BUDGET, 2, containers))
    units[:, 1] = np.log(2.0)
    ended = decided(units)
    assert ended.outcome == "fail"
    assert ended.looks <= looks


def test_slow_starts_are_met_by_blocks() -> None:
    rng = np.random.default_rng(1)
    passed = {
        containers: sum(job(rng, containers, 0.2).outcome == "pass" for _ in range(150))
        for containers in (1, 2, 4)
    }
    assert passed[1] > 30
    assert max(passed[2], passed[4]) < 15
