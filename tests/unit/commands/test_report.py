from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.errors import Exit
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result

WRITTEN = {
    "markdown": "report.md",
    "html": "report.html",
    "json": "verdict.json",
    "junit": "junit.xml",
    "openmetrics": "metrics.txt",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reports")
    write_reports(make_result(), out)
    return out


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("name", ["", "result.json"])
def test_a_stored_result_gives_every_report_again(reports: Path, form: str, name: str) -> None:
    done = CliRunner().invoke(cli, ["report", str(reports / name), "--format", form])
    assert done.exit_code == Exit.PASS, done.output
    written = (reports / WRITTEN[form]).read_text("utf-8")
    assert done.stdout.rstrip("\n") == written.rstrip("\n")


def test_every_written_report_has_a_format(reports: Path) -> None:
    assert {path.name for path in reports.iterdir()} == {*WRITTEN.values(), "result.json"}
