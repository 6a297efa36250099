"""What is said of an error is what was written: no markup, and no picture in place of a word."""

from __future__ import annotations

import pytest

from socklat_gate import cli
from socklat_gate.errors import Reason, UsageError


def test_words_between_colons_stay_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> int:
        raise UsageError(Reason.BAD_SCENARIO, "path: {random_int:a:1} [x]", remedy="give :x: 1")

    monkeypatch.setattr(cli, "_run", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "path: {random_int:a:1} [x]" in said
    assert "give :x: 1" in said
