"""Reports of an earlier run are gone before anything can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result

NO_SCENARIO = 'name = "checkout"\n[service]\nimag = "x"\n'


@pytest.mark.parametrize(
    "words",
    [
        ("gate", "socklat.toml"),
        ("gate", "nowhere.toml"),
        ("gate", "socklat.toml", "--baseline-image", "a", "--baseline-ref", "b"),
        ("gate", "socklat.toml", "--gate-from", "nowhere"),
        ("gate", "socklat.toml", "--allow", "nonsense"),
        ("run", "socklat.toml"),
        ("run", "socklat.toml", "--allow", "nonsense"),
    ],
)
def test_a_job_that_fails_early_leaves_no_verdict_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """In a workspace that is kept, `gate | tee` would end with 0 beside an older pass."""
    monkeypatch.chdir(tmp_path)
    Path("socklat.toml").write_text(NO_SCENARIO)
    write_reports(make_result("gate", Outcome.PASS), Path("out"))
    done = CliRunner().invoke(cli, [*words, "--out", "out"], standalone_mode=False)
    assert done.exception is not None
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize("command", ["gate", "run"])
def test_an_empty_directory_is_not_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As of ``--out "$OUT"`` where nothing sets it: reports there may be anybody's."""
    monkeypatch.chdir(tmp_path)
    Path("socklat.toml").write_text(NO_SCENARIO)
    Path("report.md").write_text("mine")
    done = CliRunner().invoke(cli, [command, "socklat.toml", "--out", ""])
    assert "it is empty (a variable that is not set?)" in str(done.exception) + done.output
    assert Path("report.md").read_text() == "mine"
