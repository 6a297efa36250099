from __future__ import annotations

import numpy as np
import pytest
from scipy.special import kolmogi, log_expit, logsumexp, stdtrit

from socklat_gate.stalls.weights import DEPENDENT_DISTANCE
from socklat_gate.verdict.functions import log_sigmoid, log_sum_exp, student_quantile

DOFS = [*range(1, 41), 99, 100, 999, 1000]


@pytest.mark.parametrize("level", [0.6, 0.95, 0.975, 0.9975, 0.999, 0.99999])
def test_students_quantile_is_that_of_scipy(level: float) -> None:
    found = [student_quantile(dof, level) for dof in DOFS]
    np.testing.assert_allclose(found, stdtrit(DOFS, level), rtol=1e-8)


def test_half_of_students_t_lies_below_0() -> None:
    assert [student_quantile(dof, 0.5) for dof in (1, 4)] == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize(("dof", "level"), [(0, 0.9), (3, 0.4), (3, 1.0)])
def test_students_quantile_refuses_what_it_cannot_give(dof: int, level: float) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        student_quantile(dof, level)


def test_the_logarithms_are_those_of_scipy_and_do_not_overflow() -> None:
    x = np.linspace(-2000.0, 2000.0, 4001)
    np.testing.assert_allclose(log_sigmoid(x), log_expit(x), rtol=1e-14)
    rows = np.stack([x, x / 3.0, np.full(x.shape, -np.inf)])
    np.testing.assert_allclose(log_sum_exp(rows), logsumexp(rows, axis=0), rtol=1e-14, atol=1e-14)


def test_kolmogorovs_quantile_is_that_of_scipy() -> None:
    assert pytest.approx(float(kolmogi(1e-3)), rel=1e-12) == DEPENDENT_DISTANCE
