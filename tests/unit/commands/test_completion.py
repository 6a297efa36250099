"""What a shell gets when the user presses TAB."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli

ROOT = Path(__file__).resolve().parents[3]


def completed(line: str) -> list[str]:
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", "from socklat_gate.cli import main; main()"],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}/gate:{ROOT}",
            "_SOCKLAT_GATE_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [entry.partition(",")[2] for entry in done.stdout.split()]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("socklat-gate ga", ["gate"]),
        ("socklat-gate gate --max-", ["--max-pairs", "--max-minutes"]),
        ("socklat-gate baseline pr", ["promote", "prune"]),
        ("socklat-gate schema ver", ["verdict"]),
        ("socklat-gate completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_commands_options_and_choices_are_completed(line: str, wanted: list[str]) -> None:
    assert completed(line) == wanted


def test_hidden_commands_are_not_offered() -> None:
    offered = completed("socklat-gate ")
    assert "doctor" in offered
    assert "github" not in offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_the_program(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell], prog_name="socklat-gate")
    assert done.exit_code == 0
    assert f"_SOCKLAT_GATE_COMPLETE={shell}_complete" in done.stdout
    assert "socklat-gate" in done.stdout


def test_bash_takes_the_script() -> None:
    bash = shutil.which("bash")
    assert bash
    script = CliRunner().invoke(cli, ["completion", "bash"], prog_name="socklat-gate").stdout
    done = subprocess.run(
        [bash, "--norc", "-c", f"{script}\ncomplete -p socklat-gate"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_socklat_gate_completion" in done.stdout
