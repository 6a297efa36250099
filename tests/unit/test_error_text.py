"""What is said of an error is what was written: no markup, and no picture in place of a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_error_that_nobody_reads_has_its_exit_code(unbuffered: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "socklat_gate", "gate", "nowhere.toml"],
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT / "gate"), "PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(theirs)
    assert done.returncode == 2


def test_an_error_is_told_without_a_descriptor_for_imports() -> None:
    program = (
        "import resource, socklat_gate.cli as cli\n"
        "from socklat_gate.errors import Reason, UnfitEnvironment\n"
        "def refuse(_):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))\n"
        "    raise UnfitEnvironment(Reason.NO_RESOURCES, 'too many open files')\n"
        "cli._run = refuse\n"
        "cli.main([])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "gate")},
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, b"error: too many open files [no_resources]\n")
