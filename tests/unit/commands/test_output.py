from __future__ import annotations

import json

import pytest

from socklat_gate import masking
from socklat_gate.commands.output import align, emit, emit_json


def test_columns_are_aligned_and_nothing_is_cut_off() -> None:
    long = "x" * 300
    assert align([("a", "file"), ("longer", long)]) == f"a       file\nlonger  {long}"


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit_json({"a": float("nan")})


def test_what_people_read_has_no_secrets_and_data_is_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    masking.register("1234")
    emit("pin 1234")
    emit_json({"sent": 1234})
    assert capsys.readouterr().out == 'pin ***\n{\n  "sent": 1234\n}\n'
