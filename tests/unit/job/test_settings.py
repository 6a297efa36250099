from __future__ import annotations

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.settings import with_limits
from tests.unit.job.fakes import scenario


def test_limits_of_the_command_line_replace_the_scenarios() -> None:
    changed = with_limits(scenario(max_pairs=9), max_pairs=4, max_minutes=None)
    assert changed.gate.max_pairs == 4
    assert changed.gate.max_minutes == scenario().gate.max_minutes
    assert changed.gate.metrics == scenario().gate.metrics
    assert changed.measured_hash() == scenario().measured_hash()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_pairs": 0}, "--max-pairs 0: input should be greater than or equal to 1"),
        ({"max_pairs": 10**9}, "--max-pairs 1000000000: input should be less than"),
        ({"max_minutes": float("inf")}, "--max-minutes inf: input should be a finite number"),
    ],
)
def test_limits_that_no_scenario_could_have(limits: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_limits(scenario(), **limits)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert said in caught.value.message
