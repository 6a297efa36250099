from __future__ import annotations

import json

import pytest

from socklat_gate.commands.options import with_gate
from socklat_gate.commands.output import aligned, emit_json
from socklat_gate.errors import Reason, UsageError
from tests.unit.job.fakes import scenario


def test_columns_are_aligned_and_nothing_is_cut_off() -> None:
    long = "x" * 300
    assert aligned([("a", "file"), ("longer", long)]) == f"a       file\nlonger  {long}"


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit_json({"a": float("nan")})


def test_limits_of_the_command_line_replace_the_scenarios() -> None:
    changed = with_gate(scenario(max_pairs=9), max_pairs=4, max_minutes=None)
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
        with_gate(scenario(), **limits)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert said in caught.value.message
