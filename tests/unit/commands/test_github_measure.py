"""What the measuring step gives to the gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.forge.github import gate_step


@pytest.mark.parametrize(
    ("base_ref", "given", "expected"),
    [
        ("main", (), "main"),
        ("", (), None),
        (None, (), None),
        ("main", ("--gate-from", "off"), None),
        ("main", ("--gate-from", "release"), "release"),
        (None, ("--gate-from", "release"), "release"),
    ],
)
def test_in_a_pull_request_limits_are_those_of_its_target(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    base_ref: str | None,
    given: tuple[str, ...],
    expected: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    if base_ref is not None:
        monkeypatch.setenv("GITHUB_BASE_REF", base_ref)
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        gate_step, "run_gate", lambda _runner, gate, _environment: called.append(gate.arguments)
    )
    words = ["github", "measure", "socklat.toml", *given]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (arguments,) = called
    found = arguments[arguments.index("--gate-from") + 1] if "--gate-from" in arguments else None
    assert found == expected


def test_sudo_is_told_which_variables_the_scenario_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "socklat.toml").write_text(
        'name = "x"\n[service]\nimage = "x"\nport = 80\nenv = { A = { file = "f" } }\n'
        '[load]\ndriver = "http"\nheaders = { authorization = { env = "API_TOKEN" } }\n'
    )
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    kept: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        gate_step, "run_gate", lambda _runner, gate, _environment: kept.append(gate.variables)
    )
    for words in (["socklat.toml"], ["socklat.toml", "--sudo", "never"], ["no-such-file"]):
        more = [] if "--sudo" in words else ["--sudo", "always"]
        CliRunner().invoke(cli, ["github", "measure", *words, *more], catch_exceptions=False)
    assert kept == [("API_TOKEN",), (), ()]
