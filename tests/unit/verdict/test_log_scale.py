from __future__ import annotations

import math

import pytest

from socklat_gate.verdict.log_scale import relative


def test_relative_changes_keep_infinite_ends() -> None:
    assert relative(0.0) == 0.0
    assert relative(math.log(1.05)) == pytest.approx(0.05)
    assert relative(-math.inf) == -math.inf
    assert relative(math.inf) == math.inf
    assert relative(1e6) == math.inf
    assert math.isnan(relative(math.nan))
