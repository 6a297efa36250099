from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.operating import ZONES, Studied, evenly, report, studied
from tests.benchmarks.recorded import SUFFIX, Facts, save
from tests.unit.recordings import recorded_pair

NO_SPIKES = {"spikes": {"enabled": False}}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    path = tmp_path_factory.mktemp("pairs") / f"api-same{SUFFIX}"
    pairs = [recorded_pair(i, exchanges=8000) for i in range(12)]
    save(path, pairs, Facts("api-same", "a machine", "equal", "same", 9.0, "", gate=NO_SPIKES))
    return studied(path, "narrow", 100, 1)


def test_both_rules_judge_the_same_jobs_by_the_same_zones(done: Studied) -> None:
    even, weighted = done.by_rule["even"], done.by_rule["weighted"]
    assert [test.name for test in even] == [test.name for test in weighted]
    assert all(test.sample.errors is None for test in even)
    known = [test for test in weighted if test.sample.errors is not None]
    assert {test.name.split("_")[1] for test in known} == {"p50", "p90", "p99"}
    for one, other in zip(even, weighted, strict=True):
        assert np.array_equal(one.sample.d, other.sample.d)
        assert evenly(other) == one or np.array_equal(evenly(other).sample.d, one.sample.d)
    p50 = next(test for test in weighted if "p50" in test.name)
    assert np.expm1([p50.d0, p50.d1]) == pytest.approx(ZONES["narrow"][0.5])


def test_the_page_has_a_row_a_change_with_both_rules(done: Studied) -> None:
    page = report([done], 100)
    rows = [line for line in page.splitlines() if line.startswith("| api-same | ")]
    same, changed = rows[:2], rows[2:]
    assert [line.split(" | ")[2] for line in same] == ["even", "weighted"]
    assert len(changed) == 9  # three quantiles, three sizes; CPU time in the default zones only
    assert all(line.count(" → ") == 6 for line in changed)
    assert page == report([done], 100)
