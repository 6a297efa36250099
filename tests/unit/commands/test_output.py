from __future__ import annotations

import json

import pytest

from socklat_gate.commands.output import align, emit_json


def test_columns_are_aligned_and_nothing_is_cut_off() -> None:
    long = "x" * 300
    assert align([("a", "file"), ("longer", long)]) == f"a       file\nlonger  {long}"


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit_json({"a": float("nan")})
