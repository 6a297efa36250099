from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.errors import Exit, NoUsableBaseline, Reason, UsageError
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result

WRITTEN = {
    "markdown": "report.md",
    "html": "report.html",
    "json": "verdict.json",
    "junit": "junit.xml",
    "prometheus": "metrics.txt",
    "openmetrics": "openmetrics.txt",
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


@pytest.mark.parametrize("name", ["nothere", "nothere/result.json", "report.md/x"])
def test_a_path_that_is_not_there_is_a_wrong_argument(reports: Path, name: str) -> None:
    for command in (["report"], ["baseline", "save"], ["compare", str(reports)]):
        done = CliRunner().invoke(cli, [*command, str(reports / name)])
        assert isinstance(done.exception, UsageError), command
        assert done.exception.exit_code is Exit.USAGE
        assert done.exception.reason is Reason.NO_SUCH_FILE
        assert name in done.exception.message
        assert done.exception.remedy


def test_a_directory_without_a_result_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert f"there is no file {tmp_path}/result.json" in done.exception.message


def test_what_is_there_and_damaged_is_no_wrong_argument(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert isinstance(done.exception, NoUsableBaseline)


def test_every_written_report_has_a_format(reports: Path) -> None:
    assert {path.name for path in reports.iterdir()} == {*WRITTEN.values(), "result.json"}
