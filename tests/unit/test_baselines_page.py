"""Commands and queries in docs/howto/baselines.md and nightly.md are ones that work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.commands.root import cli
from tests.unit.factories import make_campaign

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
PAGE, NIGHTLY = ((HOWTO / name).read_text("utf-8") for name in ("baselines.md", "nightly.md"))
COMMANDS = [
    line.replace('"$GITHUB_BASE_REF"', "main").partition("socklat-gate ")[2]
    for block in re.findall(r"```(?:sh|yaml)\n(.*?)```", PAGE + NIGHTLY, re.DOTALL)
    for line in block.splitlines()
    if "socklat-gate " in line
]


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) > 12


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_parses(line: str) -> None:
    command: click.Command = cli
    words = shlex.split(line)
    while isinstance(command, click.Group):
        found = command.commands[words.pop(0)]
        command = found.load() if isinstance(found, LazyCommand) else found
    with command.make_context(command.name, words) as context:
        assert context.params


def test_the_query_runs_on_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    BaselineStore.at("baselines").save(make_campaign(2))
    words = ["baseline", "export", "--parquet", "history.parquet"]
    CliRunner().invoke(cli, words, catch_exceptions=False)
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert len(duckdb.sql(query).fetchall()) == 1
