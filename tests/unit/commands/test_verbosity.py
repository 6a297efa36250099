"""What the package logs, and where a user sees it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate import masking
from socklat_gate.commands.root import cli
from socklat_gate.commands.verbosity import log_to_stderr

log = logging.getLogger("socklat_gate.probe.hooks")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    package = logging.getLogger("socklat_gate")
    handlers, level = list(package.handlers), package.level
    yield
    package.handlers[:] = handlers
    package.setLevel(level)


def logged(capsys: pytest.CaptureFixture[str], verbose: int) -> list[str]:
    log_to_stderr(verbose)
    log.debug("tried %s", "tcp_probe")
    log.info("%s was refused: %s", "kprobe tcp_sendmsg", "EPERM")
    log.warning("a name\x1b[31m is old")
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_without_it_warnings_are_notes(capsys: pytest.CaptureFixture[str]) -> None:
    assert logged(capsys, 0) == ["note: a name [31m is old"]


@pytest.mark.parametrize(
    ("verbose", "levels"),
    [
        (1, ["info", "warning"]),
        (2, ["debug", "info", "warning"]),
        (7, ["debug", "info", "warning"]),
    ],
)
def test_with_it_lines_have_time_level_and_module(
    capsys: pytest.CaptureFixture[str], verbose: int, levels: list[str]
) -> None:
    lines = logged(capsys, verbose)
    found = [
        re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}Z (\w+) +probe\.hooks: (.+)", line) for line in lines
    ]
    assert [match[1] for match in found if match] == levels
    assert "kprobe tcp_sendmsg was refused: EPERM" in lines[-2]


def test_an_exception_comes_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(1)
    try:
        raise ValueError("no such hook")
    except ValueError:
        log.info("refused", exc_info=True)
    assert "ValueError: no such hook" in capsys.readouterr().err


def test_no_line_comes_twice(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(0)
    assert len(logged(capsys, 1)) == 2


def test_an_old_key_of_a_scenario_is_noted_and_not_on_stdout(tmp_path: Path) -> None:
    scenario = tmp_path / "socklat.toml"
    scenario.write_text(
        'name = "checkout"\n[service]\nimage = "a:b"\nport = 80\n'
        '[load]\ndriver = "http"\nrate = 10\n[gate]\nmax_set_aside = 3\n'
    )
    base = ["compare", str(tmp_path), str(tmp_path / "none.json"), "--scenario", str(scenario)]
    done = CliRunner().invoke(cli, base)
    assert done.stderr.startswith("note: ")
    assert "gate.max_set_aside is now named max_excluded_pairs" in done.stderr
    assert done.stdout == ""
    assert "Z warning" in CliRunner().invoke(cli, ["-v", *base]).stderr


def test_no_record_shows_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    masking.register("canary5bd1e8c7a2f4096")
    log_to_stderr(2)
    log.warning("given %s", "canary5bd1e8c7a2f4096")
    try:
        raise ValueError("canary5bd1e8c7a2f4096")
    except ValueError:
        log.exception("failed")
    shown = capsys.readouterr().err
    assert "given ***" in shown
    assert "ValueError: ***" in shown
    assert "canary5bd" not in shown.replace('ValueError("canary5bd1e8c7a2f4096")', "")
